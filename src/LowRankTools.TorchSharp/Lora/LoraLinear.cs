using LowRankTools.Numerics;
using LowRankTools.TorchSharp.Modules;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Lora;

/// <summary>
/// y = x W^T + b + s dropout(x) A^T B^T (Hu et al., 2021): loralib's <c>Linear</c>, and with
/// <see cref="LoraOptions.EnabledGroups"/> its <c>MergedLinear</c>, whose outputs fall into n equal groups of which e have a pair of
/// their own. A is (e r) x in, B is (e out / n) x r; without groups r x in and out x r.
/// </summary>
public sealed class LoraLinear : LoraModule
{
    private readonly bool[] _groups;

    /// <summary>Creates a layer with a fresh weight.</summary>
    /// <param name="inFeatures">Features of an input.</param>
    /// <param name="outFeatures">Features of an output.</param>
    /// <param name="options">Rank, alpha and the rest.</param>
    /// <param name="bias">Whether a bias is added; it stays trainable until somebody freezes it.</param>
    public LoraLinear(long inFeatures, long outFeatures, LoraOptions options, bool bias = true)
        : this(
            Own(options.FanInFanOut ? Start(inFeatures, inFeatures, outFeatures) : Start(inFeatures, outFeatures, inFeatures)),
            bias ? Own(Start(inFeatures, outFeatures)) : null,
            options)
    {
    }

    /// <summary>Creates a layer on parameters that are there already; the weight is frozen.</summary>
    /// <param name="weight">W, out x in; in x out with <see cref="LoraOptions.FanInFanOut"/>.</param>
    /// <param name="bias">b, out, or null.</param>
    /// <param name="options">Rank, alpha and the rest.</param>
    /// <exception cref="LowRankToolsException">RankNotPositive, LoraOptionsInvalid, ShapesDoNotMatch.</exception>
    public LoraLinear(Parameter weight, Parameter? bias, LoraOptions options)
        : base(nameof(LoraLinear), Fitting(options), weight, bias, NewA(weight, options), NewB(weight, options)) =>
        _groups = [.. Groups(options)];

    /// <summary>Features of an input.</summary>
    public long InFeatures => Weight.shape[Options.FanInFanOut ? 0 : 1];

    /// <summary>Features of an output.</summary>
    public long OutFeatures => Weight.shape[Options.FanInFanOut ? 1 : 0];

    private long GroupWidth => OutFeatures / _groups.Length;

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? merged = Merged();
        Tensor y = nn.functional.linear(input, OutByIn(merged ?? Weight), Bias);
        if (merged is not null) return y.MoveToOuterDisposeScope();
        Tensor dropped = training && Options.Dropout > 0 ? nn.functional.dropout(input, Options.Dropout, training: true) : input;
        Tensor inner = dropped.matmul(A.t());
        List<Tensor> parts = [];
        for (int group = 0, pair = 0; group < _groups.Length; group++)
        {
            parts.Add(_groups[group]
                ? inner.narrow(-1, (long)pair * Options.Rank, Options.Rank).matmul(B.narrow(0, pair++ * GroupWidth, GroupWidth).t())
                : zeros([.. inner.shape[..^1], GroupWidth], inner.dtype, inner.device));
        }

        Tensor change = parts.Count == 1 ? parts[0] : cat(parts, -1);
        return y.add(change, Options.Scaling).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Delta()
    {
        using DisposeScope scope = NewDisposeScope();
        List<Tensor> rows = [];
        for (int group = 0, pair = 0; group < _groups.Length; group++)
        {
            rows.Add(_groups[group]
                ? B.narrow(0, pair * GroupWidth, GroupWidth).mm(A.narrow(0, (long)pair++ * Options.Rank, Options.Rank))
                : zeros(GroupWidth, InFeatures, A.dtype, A.device));
        }

        return OutByIn(cat(rows, 0).mul(Options.Scaling)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToDense()
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        Linear layer = nn.Linear(InFeatures, OutFeatures, Bias is not null);
        layer.weight = Own(OutByIn(Sum()).contiguous().clone());
        if (Bias is { } bias) layer.bias = Own(bias.detach().clone());
        layer.train(training);
        return layer;
    }

    /// <summary>Sets A and B of each group from its part of W as the start says, and W to the rest; s B A + W stays, to rounding.</summary>
    internal void StartAtWeight(CancellationToken ct)
    {
        double root = Math.Sqrt(Options.Scaling);
        if (!(root > 0)) throw new LowRankToolsException("LoraOptionsInvalid", $"A start from the weight needs a positive factor, not {Options.Scaling}.", "Use a positive alpha.");
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        for (int group = 0, pair = 0; group < _groups.Length; group++)
        {
            if (!_groups[group]) continue;
            Tensor rows = OutByIn(Weight.detach()).narrow(0, group * GroupWidth, GroupWidth).contiguous();
            (Tensor a, Tensor b) = Options.Start == LoraStart.Olora ? Orthogonal(rows) : Principal(rows, root, ct);
            A.narrow(0, (long)pair * Options.Rank, Options.Rank).copy_(a);
            B.narrow(0, pair++ * GroupWidth, GroupWidth).copy_(b);
        }

        Weight.sub_(Delta());
    }

    private (Tensor A, Tensor B) Principal(Tensor rows, double root, CancellationToken ct)
    {
        (Tensor a, Tensor b, _) = PairFactory.Components(rows, Options.Rank, root, Options.Seed, ct);
        return (a, b);
    }

    private (Tensor A, Tensor B) Orthogonal(Tensor rows)
    {
        if (Options.Rank > rows.shape.Min())
            throw new LowRankToolsException("RankExceedsLayer", $"Rank {Options.Rank} is above the smaller side of a ({rows.shape[0]} x {rows.shape[1]}) weight.", "Use a smaller rank.");
        (Tensor q, Tensor r) = linalg.qr(rows);
        return (r.narrow(0, 0, Options.Rank), q.narrow(1, 0, Options.Rank));
    }

    /// <summary>A and B as a layer without groups starts them: A random, B zero.</summary>
    internal static (Parameter A, Parameter B) Start(Parameter first, long outputs, int rank) =>
        (Own(Start(first.shape[1], rank, first.shape[1]).to(first.dtype).to(first.device)), Own(zeros(outputs, rank, first.dtype, first.device)));

    private static LoraOptions Fitting(LoraOptions options) => !options.Dora
        ? options.Checked()
        : throw new LowRankToolsException("LoraOptionsInvalid", "DoRA has a layer of its own, without groups.", "Use DoraLinear, or leave the groups out.");

    private static bool[] Groups(LoraOptions options) => [.. options.EnabledGroups ?? [true]];

    private static Tensor NewA(Parameter weight, LoraOptions options)
    {
        options.Checked();
        long inputs = weight.shape[options.FanInFanOut ? 0 : 1];
        return Start(inputs, options.Rank * Groups(options).LongCount(g => g), inputs).to(weight.dtype).to(weight.device);
    }

    private static Tensor NewB(Parameter weight, LoraOptions options)
    {
        bool[] groups = Groups(options);
        long outputs = weight.shape[options.FanInFanOut ? 1 : 0];
        if (outputs % groups.Length != 0) throw new LowRankToolsException("ShapesDoNotMatch", $"{outputs} outputs do not fall into {groups.Length} equal groups.");
        return zeros(outputs / groups.Length * groups.LongCount(g => g), options.Rank, weight.dtype, weight.device);
    }

    // Uniform in +-1/sqrt(in), which is what Kaiming's start with a = sqrt(5) comes to.
    private static Tensor Start(long inputs, params long[] shape)
    {
        double bound = 1 / Math.Sqrt(Math.Max(1, inputs));
        return empty(shape).uniform_(-bound, bound);
    }

    private Tensor OutByIn(Tensor weight) => Options.FanInFanOut ? weight.t() : weight;
}
