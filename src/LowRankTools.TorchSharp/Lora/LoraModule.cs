using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Lora;

/// <summary>
/// A layer with a frozen weight W and two small trained matrices that stand for a change of W by s B A. Its parameters are named as in
/// loralib: <c>weight</c>, <c>bias</c>, <c>lora_A</c>, <c>lora_B</c>. <c>eval()</c> merges and <c>train()</c> undoes it.
/// </summary>
public abstract class LoraModule : nn.Module<Tensor, Tensor>
{
    private Tensor? _merged;

    private protected LoraModule(string name, LoraOptions options, Parameter weight, Parameter? bias, Tensor a, Tensor b)
        : base(name)
    {
        Options = options;
        weight.requires_grad = false;
        register_parameter("weight", weight);
        if (bias is not null) register_parameter("bias", bias);
        register_parameter("lora_A", Own(a));
        register_parameter("lora_B", Own(b));
    }

    /// <summary>Rank, factor and the rest.</summary>
    public LoraOptions Options { get; }

    /// <summary>Whether runs use the one matrix W + s B A.</summary>
    public bool IsMerged => _merged is not null;

    // By name and not from fields: moving a module to another type or device puts other parameters into the register.

    /// <summary>W, frozen when the layer was made.</summary>
    public Parameter Weight => get_parameter("weight")!;

    /// <summary>b, or null.</summary>
    public Parameter? Bias => has_parameter("bias") ? get_parameter("bias") : null;

    /// <summary>A.</summary>
    public Parameter A => get_parameter("lora_A")!;

    /// <summary>B.</summary>
    public Parameter B => get_parameter("lora_B")!;

    /// <summary>s B A in W's shape, the caller's; gradients flow through it.</summary>
    public abstract Tensor Delta();

    /// <summary>A plain layer of W + s B A and a copy of the bias.</summary>
    public abstract nn.Module<Tensor, Tensor> ToDense();

    /// <summary>Training or use, as in loralib: in training the pair is apart, in use it is merged where the options want it.</summary>
    /// <param name="train">Whether to train.</param>
    public override void train(bool train = true)
    {
        base.train(train);
        if (train) Unmerge();
        else if (Options.MergeOnEval) Merge();
    }

    /// <summary>Computes W + s B A once for all runs to come. It is held beside W, so that undoing it brings back every bit.</summary>
    public void Merge()
    {
        if (_merged is not null) return;
        _merged = Sum();
    }

    /// <summary>Forgets what <see cref="Merge"/> computed.</summary>
    public void Unmerge()
    {
        _merged?.Dispose();
        _merged = null;
    }

    /// <summary>W + s B A as a new tensor without gradients, the caller's.</summary>
    internal Tensor Sum()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        return (Weight + Delta()).DetachFromDisposeScope();
    }

    /// <summary>The merged weight, on the device and of the type that W is on now; null while the pair is apart.</summary>
    private protected Tensor? Merged()
    {
        if (_merged is null) return null;
        Tensor weight = Weight;
        if (_merged.dtype != weight.dtype || _merged.device_type != weight.device_type || _merged.device_index != weight.device_index)
        {
            Unmerge();
            Merge();
        }

        return _merged;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing) Unmerge();
        base.Dispose(disposing);
    }

    // A parameter that outlives the scope that it is made in.
    private protected static Parameter Own(Tensor tensor)
    {
        var parameter = new Parameter(tensor);
        parameter.DetachFromDisposeScope();
        return parameter;
    }
}
