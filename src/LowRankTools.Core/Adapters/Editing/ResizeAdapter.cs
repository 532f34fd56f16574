using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// Gives an adapter other ranks: by QR of both factors of a module and the singular values of their small core, so that
/// what is left out is the least possible and known exactly, and no dense matrix is ever formed.
/// </summary>
/// <param name="rank">How many components are kept.</param>
/// <param name="options">Where and how the adapter is written.</param>
/// <param name="alpha">Numerator of the scale for adapters that do not say theirs.</param>
public sealed class ResizeAdapter(AdapterRank rank, AdapterOutputOptions options, double? alpha = null)
{
    private const string Suffix = "-resized";

    /// <summary>Where the output of an adapter would go.</summary>
    /// <exception cref="LowRankToolsException">Those of <see cref="Adapter.Open"/>: the layout decides.</exception>
    public OutputLocation Location(ModelSource source)
    {
        using Adapter adapter = Adapter.Open(source, alpha);
        return options.Location(adapter.Source, options.LayoutFor(adapter.Layout), Suffix);
    }

    /// <summary>Resizes one adapter.</summary>
    /// <param name="source">Its weights.</param>
    /// <param name="progress">Told about every module.</param>
    /// <param name="cancellationToken">Stops inside the mathematics too; nothing is left behind.</param>
    /// <exception cref="LowRankToolsException">Those of <see cref="Adapter.Open"/>, <c>AdapterPartNotCarried</c>, <c>NonFiniteValues</c>, and those of writing.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public AdapterResult Run(ModelSource source, IProgress<OperationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        rank.Validate();
        options.Validate();
        using Adapter adapter = Adapter.Open(source, alpha);
        adapter.RefuseOthers(withMagnitudes: true);
        AdapterLayout layout = options.LayoutFor(adapter.Layout);
        AdapterWriter writer = new(options.Location(adapter.Source, layout, Suffix), layout, options.TypeFor(layout, adapter.WritableDType), options)
        {
            Source = SourceFiles.Of(adapter.Files), Notes = adapter.Notes, FanInFanOut = adapter.FanInFanOut, Architecture = adapter.Architecture,
        };
        AdapterRun run = new(writer, rank.ToString(), adapter.Source.Name) { Sources = [source.Path], ParametersBefore = adapter.Parameters };
        return run.Run(adapter.Modules.Count, i => adapter.Modules[i].Name, i => Resize(adapter.Modules[i], cancellationToken), sideBySide: true, progress, cancellationToken);
    }

    private ComputedModule Resize(AdapterModule module, CancellationToken cancellationToken)
    {
        using AdapterFactors factors = AdapterFactors.Read(module, cancellationToken);
        return Truncate(factors, rank, cancellationToken);
    }

    /// <summary>The best pair of fewer components in place of another.</summary>
    internal static ComputedModule Truncate(AdapterFactors factors, AdapterRank rank, CancellationToken cancellationToken)
    {
        FactoredSvdResult svd = FactoredSvd.Compute(factors.B.View, factors.A.View, rank.Choose, new ComputeOptions { ThreadCount = 1 }, cancellationToken);
        AdapterFactors made = new() { Name = factors.Name, A = svd.Right, B = svd.Left, Inputs = factors.Inputs, IsEmbedding = factors.IsEmbedding };
        return new ComputedModule(made, Result(factors, svd.Rank, svd.Norm, svd.Norm == 0 ? 0 : svd.Error / svd.Norm));
    }

    /// <summary>What became of a pair.</summary>
    internal static AdapterModuleResult Result(AdapterFactors before, int rank, double norm, double error) => new()
    {
        Name = before.Name, Shape = [before.B.Rows, .. before.Inputs], RankBefore = before.Rank, Rank = rank, Norm = norm, RelativeError = error,
    };
}
