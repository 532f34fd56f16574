using LowRankTools.Core.Comparison;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Models;
using LowRankTools.Decompositions;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Core.Tests.Decompositions;

/// <summary>Kernels of a published network that finds line segments.</summary>
public sealed class RealKernelTests : IDisposable
{
    private const string Thin = "Conv2D_28/filter:0";
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [RealModelFact(RealModels.LineSegmentsLarge)]
    public void The_kernel_of_51_independent_filters_is_found_as_such()
    {
        foreach (string method in new[] { "TensorTrain", "Tucker" })
        {
            TensorDecomposition kernel = Assert.Single(Run(method, 1e-5, Thin).Tensors, t => t.Ranks is not null);
            Assert.Equal(51, kernel.Ranks![0]);
            Assert.InRange(kernel.RelativeError!.Value, 0, 1e-6);
        }
    }

    [RealModelFact(RealModels.LineSegmentsLarge)]
    public void Every_kernel_keeps_the_tolerance_in_the_file_too()
    {
        DecompositionResult small = Run("TensorTrain", 0.3, "*");
        Assert.True(small.DecomposedTensors > 20);
        Dictionary<string, TensorDifference> differences = new CompareModels(withRank: false).Run(Source, new ModelSource(small.Path, "m")).ToDictionary(d => d.Name);
        foreach (TensorDecomposition kernel in small.Tensors.Where(t => t.Ranks is not null))
            Assert.InRange(differences[kernel.Name].RelativeError!.Value, 0, 0.3);
        Assert.Equal(small.DecomposedTensors, differences.Values.Count(d => d.Status == DifferenceStatus.Changed));
    }

    private static ModelSource Source => new(RealModels.Path(RealModels.LineSegmentsLarge), "mlsd");

    private DecompositionResult Run(string method, double tolerance, string include) => new DecomposeTensors(new DecomposeOptions
    {
        Method = method,
        Decomposition = new DecompositionOptions { Tolerance = tolerance },
        Selection = new LayerSelection { Include = [LayerSelection.Pattern(include)] },
        OutputPath = _folder[method],
    }).Run(Source);
}
