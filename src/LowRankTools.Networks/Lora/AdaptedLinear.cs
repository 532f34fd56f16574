using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Lora;

/// <summary>A linear layer with a frozen weight and small trained tensors beside it: what its kinds share around the sum of both.</summary>
public abstract class AdaptedLinear : LinearLayer
{
    private protected AdaptedLinear(Parameter weight, Parameter? bias, LoraOptions options)
    {
        Options = options;
        Weight = AddParameter("weight", weight);
        if (bias is not null) Bias = AddParameter("bias", bias);
    }

    /// <summary>Rank, factor and the rest.</summary>
    public LoraOptions Options { get; }

    /// <summary>W, out x in; in x out with <see cref="LoraOptions.FanInFanOut"/>. Frozen when the layer was made.</summary>
    public Parameter Weight { get; }

    /// <summary>b, out, or null.</summary>
    public Parameter? Bias { get; }

    /// <inheritdoc cref="ILoraLayer.IsMerged"/>
    public bool IsMerged => Merged is not null;

    /// <inheritdoc/>
    public override int InFeatures => Weight.Shape[Options.FanInFanOut ? 0 : 1];

    /// <inheritdoc/>
    public override int OutFeatures => Weight.Shape[Options.FanInFanOut ? 1 : 0];

    /// <inheritdoc/>
    public override bool HasBias => Bias is not null;

    /// <inheritdoc/>
    protected override string Arguments => $"in_features={InFeatures}, out_features={OutFeatures}, bias={HasBias}, {Options.Text}";

    /// <summary>The one matrix that runs use while the layer is merged.</summary>
    private protected ITensor? Merged { get; private set; }

    /// <inheritdoc cref="ILoraLayer.Merge"/>
    public void Merge(INetworkEngine engine, CancellationToken ct = default) => Merged ??= Sum(engine, ct);

    /// <inheritdoc cref="ILoraLayer.Unmerge"/>
    public void Unmerge()
    {
        Merged?.Dispose();
        Merged = null;
    }

    /// <inheritdoc cref="ILoraLayer.ToDense"/>
    public Module ToDense(INetworkEngine engine, CancellationToken ct = default)
    {
        var weight = new Parameter(OutFeatures, InFeatures);
        if (!Weight.IsLoaded) return new Linear(weight, Bias);
        ITensor sum = Sum(engine, ct);
        weight.Value = Options.FanInFanOut ? engine.Permute(sum, 1, 0) : sum;
        if (Options.FanInFanOut) sum.Dispose();
        return new Linear(weight, Bias);
    }

    /// <summary>The matrix that the layer stands for, in W's shape; the caller's.</summary>
    private protected abstract ITensor Sum(INetworkEngine engine, CancellationToken ct);

    /// <summary>x where nothing falls, else a tensor of its own; the same seed drops the same.</summary>
    private protected ITensor Dropped(Pass pass, ITensor x, ulong seed)
    {
        if (!pass.IsTraining || Options.Dropout == 0) return x;
        ITensor dropped = pass.New(x, [.. x.Shape]);
        pass.Engine.Dropout(x, Options.Dropout, seed, dropped, pass.CancellationToken);
        return dropped;
    }

    /// <summary>Adds factor left right to a parameter's gradient, where it is trained.</summary>
    private protected static void AddGradient(INetworkEngine engine, Parameter parameter, double factor, ITensor left, ITensor right, CancellationToken ct)
    {
        if (!parameter.Trainable) return;
        ITensor total = parameter.GradientOn(engine, out double beta);
        engine.MatMul(factor, left, right, beta, total, ct);
    }

    private protected override void FreeOwn() => Unmerge();
}
