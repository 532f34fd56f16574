using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;

namespace LowRankTools.Networks.Tests;

/// <summary>The figures and listings of the notebook that the library grew from.</summary>
public sealed class SeedNotebookTests
{
    [Fact]
    public void The_simple_model_counts_and_prints_as_in_PyTorch()
    {
        using var model = new Sequential(new Linear(ParameterFactory.ShapesOnly, 768, 256), new Linear(ParameterFactory.ShapesOnly, 256, 128));
        Assert.Equal(229_760, model.CountParameters());
        Assert.Equal(
            """
            Sequential(
              (0): Linear(in_features=768, out_features=256, bias=True)
              (1): Linear(in_features=256, out_features=128, bias=True)
            )
            """.ReplaceLineEndings("\n"),
            model.ToString());
        Assert.Equal(["0.weight", "0.bias", "1.weight", "1.bias"], model.StateDict().Select(p => p.Name));
    }

    [Fact]
    public void A_tied_table_counts_once_and_has_two_names()
    {
        var table = new Embedding(ParameterFactory.ShapesOnly, 256, 512);
        using var head = new Linear(table.Weight);
        using var model = new ModuleList<Module>(table, head);
        Assert.Equal(256 * 512, model.CountParameters());
        Assert.Equal(["0.weight", "1.weight"], model.StateDict().Select(p => p.Name));
    }

    [Fact]
    public void A_parameter_without_entries_says_so()
    {
        using var layer = new Linear(ParameterFactory.ShapesOnly, 2, 3);
        Assert.Equal("ParameterNotLoaded", Assert.Throws<LowRankToolsException>(() => layer.Weight.Value).ErrorId);
    }
}
