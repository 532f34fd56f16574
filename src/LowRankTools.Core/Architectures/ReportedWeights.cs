using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Architectures;

/// <summary>Weights whose reading is reported, in parameters.</summary>
internal sealed class ReportedWeights(IWeightSource weights, Module network, IProgress<OperationProgress>? progress) : IWeightSource
{
    private readonly long _total = network.CountParameters();
    private long _done;

    public IEnumerable<string> Names => weights.Names;

    public IReadOnlyList<int>? ShapeOf(string name) => weights.ShapeOf(name);

    public string? SharedWith(string name) => weights.SharedWith(name);

    public Matrix<float> Read(string name, CancellationToken ct)
    {
        progress?.Report(new OperationProgress("Loading", name, _done, _total));
        Matrix<float> matrix = weights.Read(name, ct);
        _done += matrix.Length;
        return matrix;
    }
}
