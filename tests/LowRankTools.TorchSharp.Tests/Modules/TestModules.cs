using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Tests;

/// <summary>Modules as people write them.</summary>
internal static class TestModules
{
    /// <summary>Two linear layers, 229,760 parameters: the module of the seed notebook.</summary>
    public static Sequential Notebook() => nn.Sequential(nn.Linear(768, 256), nn.Linear(256, 128));

    public static Tensor Input(long rows, long columns)
    {
        manual_seed(7);
        return randn(rows, columns);
    }

    /// <summary>||x - y|| / ||x||.</summary>
    public static double Distance(Tensor x, Tensor y)
    {
        using Tensor difference = x - y;
        return difference.norm().item<float>() / x.norm().item<float>();
    }
}

/// <summary>A module of one's own, with children in fields, in a list and in an array.</summary>
internal sealed class Block : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> _in = nn.Linear(24, 40);
    private readonly ModuleList<nn.Module<Tensor, Tensor>> _middle = nn.ModuleList<nn.Module<Tensor, Tensor>>(nn.Linear(40, 40), nn.Sequential(nn.ReLU(), nn.Linear(40, 40, hasBias: false)));
    private readonly nn.Module<Tensor, Tensor>[] _heads = [nn.Linear(40, 20), nn.Linear(40, 20)];

    public Block()
        : base(nameof(Block))
    {
        RegisterComponents();
        for (int i = 0; i < _heads.Length; i++) register_module($"head{i}", _heads[i]);
    }

    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor x = _in.call(input);
        foreach (nn.Module<Tensor, Tensor> module in _middle) x = module.call(x);
        return (_heads[0].call(x) + _heads[1].call(x)).MoveToOuterDisposeScope();
    }
}

/// <summary>A module whose field can hold nothing but a Linear.</summary>
internal sealed class Narrow : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> _first = nn.Linear(30, 30);
    private readonly Linear _second = nn.Linear(30, 30);

    public Narrow()
        : base(nameof(Narrow)) => RegisterComponents();

    public override Tensor forward(Tensor input)
    {
        using Tensor x = _first.call(input);
        return _second.call(x);
    }
}
