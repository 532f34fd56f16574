using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Speed;

namespace LowRankTools.Cli.Reports;

/// <summary>Everything that the demonstration found.</summary>
/// <param name="Folder">Folder of all models.</param>
/// <param name="Count">The dense model, counted.</param>
/// <param name="Pairs">The factorization.</param>
/// <param name="Merged">The pairs, multiplied out.</param>
/// <param name="Differences">The merged model compared with the dense one.</param>
/// <param name="Speeds">Forward runs, dense and as pairs, in turns.</param>
/// <param name="Seconds">Times that the results do not carry themselves.</param>
internal sealed record DemoRun(
    string Folder, ParameterCount Count, FactorizationResult Pairs, MergeResult Merged, List<TensorDifference> Differences, IReadOnlyList<ModelSpeed> Speeds, DemoSeconds Seconds);

/// <summary>Seconds of the steps whose results carry none.</summary>
internal sealed record DemoSeconds(double Write, double Count, double Compare);
