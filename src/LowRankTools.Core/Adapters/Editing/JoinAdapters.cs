using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Makes one adapter of several: sum w_i Delta_i, exactly, recompressed, or as PEFT's linear combination of factors.</summary>
/// <param name="mode">How.</param>
/// <param name="rank">How many components are kept, for <see cref="JoinMode.Svd"/>, <see cref="JoinMode.Ties"/> and <see cref="JoinMode.Dare"/>.</param>
/// <param name="options">Where and how the adapter is written.</param>
/// <param name="alpha">Numerator of the scale for adapters that do not say theirs.</param>
public sealed class JoinAdapters(JoinMode mode, AdapterRank? rank, AdapterOutputOptions options, double? alpha = null)
{
    private const string Suffix = "-joined";

    /// <summary>Share of each delta's entries that TIES and DARE keep, above 0 and at most 1; null for the other modes.</summary>
    public double? Density { get; init; }

    /// <summary>Seed of the entries that DARE keeps.</summary>
    public ulong Seed { get; init; }

    private bool IsSparse => mode is JoinMode.Ties or JoinMode.Dare;

    // Modules are computed side by side.
    private static readonly ComputeOptions s_oneThread = new() { ThreadCount = 1 };

    /// <summary>Where the output would go: the first adapter gives the name.</summary>
    /// <exception cref="LowRankToolsException">Those of <see cref="Adapter.Open"/>: the layout decides.</exception>
    public OutputLocation Location(ModelSource first)
    {
        using Adapter adapter = Adapter.Open(first, alpha);
        return options.Location(adapter.Source, options.LayoutFor(adapter.Layout), Suffix);
    }

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>.</exception>
    public void Validate()
    {
        if ((mode == JoinMode.Svd || IsSparse) != rank is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, rank is null ? $"{mode} needs a rank." : $"{mode} has no choice of ranks.", "Give -Mode Svd, Ties or Dare and one of -Rank, -Energy, -CumulativeRatio and -SigmaRatio, or none of them.");
        if (IsSparse != Density is not null || Density is not (null or > 0 and <= 1))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, IsSparse ? $"{mode} keeps a share of the entries, above 0 and at most 1." : $"{mode} keeps every entry.", "Give -Density with -Mode Ties or Dare, and with these alone.");
        if (IsSparse && rank is not (AdapterRank.Fixed or AdapterRank.Energy))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{rank} needs every singular value of a dense sum.", "Join by -Rank or -Energy, and resize after it.");
        rank?.Validate();
        options.Validate();
    }

    /// <summary>Joins adapters.</summary>
    /// <param name="sources">Their weights, two or more.</param>
    /// <param name="weights">One for each.</param>
    /// <param name="progress">Told about every module.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException">Those of <see cref="Adapter.Open"/>, <c>AdapterDoesNotFit</c>: they do not fit each other,
    /// <c>AdapterPartNotCarried</c>, and those of writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AdapterResult Run(IReadOnlyList<ModelSource> sources, IReadOnlyList<double> weights, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Validate();
        CheckWeights(sources, weights);
        List<Adapter> adapters = [];
        try
        {
            foreach (ModelSource source in sources)
                adapters.Add(Adapter.Open(source, alpha));
            adapters.ForEach(a => a.RefuseOthers(withMagnitudes: true));
            List<List<(AdapterModule Module, double Weight)>> modules = Matched(adapters, weights);
            Adapter first = adapters[0];
            AdapterLayout layout = options.LayoutFor(first.Layout);
            AdapterWriter writer = new(options.Location(first.Source, layout, Suffix), layout, options.TypeFor(layout, first.WritableDType), options)
            {
                Source = SourceFiles.Of(adapters.SelectMany(a => a.Files)), Notes = first.Notes, FanInFanOut = first.FanInFanOut, Architecture = first.Architecture,
            };
            AdapterRun run = new(writer, Rule, first.Source.Name)
            {
                Sources = [.. sources.Select(s => s.Path)], ParametersBefore = adapters.Sum(a => a.Parameters),
            };
            return run.Run(modules.Count, i => modules[i][0].Module.Name, i => Join(modules[i], i, cancellationToken), sideBySide: !IsSparse, progress, cancellationToken);
        }
        finally
        {
            adapters.ForEach(a => a.Dispose());
        }
    }

    private string Rule => string.Join(' ', new[] { mode.ToString(), Density is { } share ? FormattableString.Invariant($"{share}") : "", rank?.ToString() ?? "" }.Where(t => t.Length > 0));

    private void CheckWeights(IReadOnlyList<ModelSource> sources, IReadOnlyList<double> weights)
    {
        if (sources.Count < 2 || weights.Count != sources.Count || weights.Any(w => !double.IsFinite(w)))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{sources.Count} adapters and {weights.Count} weights make no sum.", "Give two adapters or more, and one -Weight for each.");
        if (mode == JoinMode.Linear && weights.Any(w => w <= 0))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A combination of factors takes the roots of its weights.", "Give positive weights, or use -Mode Cat.");
    }

    // Every module of any adapter, in the order in which they come, with what each adapter adds to it.
    private List<List<(AdapterModule, double)>> Matched(List<Adapter> adapters, IReadOnlyList<double> weights)
    {
        Dictionary<string, List<(AdapterModule Module, double Weight)>> byName = new(StringComparer.Ordinal);
        List<List<(AdapterModule, double)>> order = [];
        for (int i = 0; i < adapters.Count; i++)
        {
            if (adapters[i].FanInFanOut != adapters[0].FanInFanOut)
                throw Apart(adapters[i], "stores weights the other way round than the first one");
            if (adapters[i].Architecture != adapters[0].Architecture)
                throw Apart(adapters[i], "has names and an order of rows that are not the first one's: one of them is for a GGUF model, or they are for two architectures");
            foreach (AdapterModule module in adapters[i].Modules)
            {
                if (!byName.TryGetValue(module.Name, out List<(AdapterModule Module, double Weight)>? parts))
                    order.Add(byName[module.Name] = parts = []);
                else if (parts[0].Module is { } other && (other.OutFeatures != module.OutFeatures || !other.Inputs.SequenceEqual(module.Inputs) || other.IsEmbedding != module.IsEmbedding))
                    throw Apart(adapters[i], $"adds {module.OutFeatures} x {Dimensions.Of(module.Inputs)} to module '{module.Name}', to which an earlier one adds {other.OutFeatures} x {Dimensions.Of(other.Inputs)}");
                parts.Add((module, weights[i]));
            }
        }
        if (mode == JoinMode.Linear && order.Find(m => m.Count != adapters.Count || m.Any(p => p.Item1.Rank != m[0].Item1.Rank)) is { } odd)
            throw Apart(adapters[^1], $"and the others do not all have module '{odd[0].Item1.Name}' with one rank, which sums of factors need");
        return order;
    }

    private static LowRankToolsException Apart(Adapter adapter, string what) =>
        new(CoreErrors.AdapterDoesNotFit, $"{adapter.Source.Path}: the adapter {what}.", "Join adapters of one base model, or use -Mode Cat for different ranks.");

    private ComputedModule? Join(List<(AdapterModule Module, double Weight)> parts, int number, CancellationToken cancellationToken)
    {
        if (IsSparse)
            return JoinDeltas.Join(parts, mode, Density!.Value, Seed + ((ulong)number << 32), rank!, cancellationToken);
        AdapterFactors sum = Concatenated(parts, cancellationToken);
        if (mode == JoinMode.Cat)
            return new ComputedModule(sum, ResizeAdapter.Result(sum, sum.Rank, FactoredSvd.Norm(sum.B.View, sum.A.View, s_oneThread, cancellationToken), 0));
        using (sum)
            return mode == JoinMode.Svd ? ResizeAdapter.Truncate(sum, rank!, cancellationToken) : Combined(parts, sum, cancellationToken);
    }

    // B = [w_1 s_1 B_1, w_2 s_2 B_2, ...] and A = [A_1; A_2; ...]: their product is the weighted sum.
    private static AdapterFactors Concatenated(List<(AdapterModule Module, double Weight)> parts, CancellationToken cancellationToken)
    {
        AdapterModule first = parts[0].Module;
        int total = parts.Sum(p => p.Module.Rank);
        Matrix<float> a = Matrix<float>.Uninitialized(total, checked((int)first.InFeatures)), b = Matrix<float>.Uninitialized(checked((int)first.OutFeatures), total);
        AdapterFactors sum = new() { Name = first.Name, A = a, B = b, Inputs = first.Inputs, IsEmbedding = first.IsEmbedding };
        int done = 0;
        foreach ((AdapterModule module, double weight) in parts)
        {
            using AdapterFactors part = AdapterFactors.Read(module, cancellationToken);
            AdapterFactors.Scale(part.B, weight);
            part.A.View.CopyTo(a.View.Slice(done, 0, part.Rank, a.Columns));
            part.B.View.CopyTo(b.View.Slice(0, done, b.Rows, part.Rank));
            done += part.Rank;
        }
        return sum;
    }

    // PEFT's linear: A = sum sqrt(w_i s_i) A_i, B likewise. The product has cross terms; the result says how far it is from the sum.
    private static ComputedModule Combined(List<(AdapterModule Module, double Weight)> parts, AdapterFactors sum, CancellationToken cancellationToken)
    {
        int rank = parts[0].Module.Rank;
        Matrix<float> a = new(rank, sum.A.Columns), b = new(sum.B.Rows, rank);
        foreach ((AdapterModule module, double weight) in parts)
        {
            if (!(module.Scaling > 0))
                throw new LowRankToolsException(CoreErrors.OptionInvalid, $"Module '{module.Name}' has a scale of {module.Scaling}, which has no root.", "Use -Mode Cat.");
            using Matrix<float> one = module.ReadA(cancellationToken), other = module.ReadB(cancellationToken);
            double root = Math.Sqrt(weight * module.Scaling);
            Accumulate(a, one, root);
            Accumulate(b, other, root);
        }
        AdapterFactors made = new() { Name = sum.Name, A = a, B = b, Inputs = sum.Inputs, IsEmbedding = sum.IsEmbedding };
        double norm = FactoredSvd.Norm(sum.B.View, sum.A.View, s_oneThread, cancellationToken);
        return new ComputedModule(made, ResizeAdapter.Result(sum, rank, norm, norm == 0 ? 0 : Distance(sum, made, cancellationToken) / norm));
    }

    private static void Accumulate(Matrix<float> target, Matrix<float> part, double factor)
    {
        for (int i = 0; i < target.Rows; i++)
        {
            Span<float> to = target.Row(i), from = part.Row(i);
            for (int j = 0; j < to.Length; j++)
                to[j] += (float)(from[j] * factor);
        }
    }

    // ||B A - B' A'|| is the norm of [B, -B'] [A; A'].
    private static double Distance(AdapterFactors x, AdapterFactors y, CancellationToken cancellationToken)
    {
        using Matrix<float> left = new(x.B.Rows, x.Rank + y.Rank), right = new(x.Rank + y.Rank, x.A.Columns), minus = y.B.Copy();
        AdapterFactors.Scale(minus, -1);
        x.B.View.CopyTo(left.View.Slice(0, 0, x.B.Rows, x.Rank));
        minus.View.CopyTo(left.View.Slice(0, x.Rank, x.B.Rows, y.Rank));
        x.A.View.CopyTo(right.View.Slice(0, 0, x.Rank, x.A.Columns));
        y.A.View.CopyTo(right.View.Slice(x.Rank, 0, y.Rank, x.A.Columns));
        return FactoredSvd.Norm(left.View, right.View, s_oneThread, cancellationToken);
    }
}
