using System.Globalization;
using System.Runtime.CompilerServices;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Core.Tests.Peers;

/// <summary>
/// What we write loads into PyTorch after the seed notebook's surgery, every key in its place, and computes what the
/// merged dense model computes.
/// </summary>
public sealed class SeedNotebookTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PythonTheory("torch")]
    [InlineData("simple", ModelFormat.Safetensors)]
    [InlineData("simple", ModelFormat.PyTorch)]
    [InlineData("transformer", ModelFormat.Safetensors)]
    [InlineData("transformer", ModelFormat.PyTorch)]
    public void A_factorized_model_loads_strictly_and_equals_its_merged_one(string kind, ModelFormat format)
    {
        string script = Script();
        string dense = _folder["model.pt"];
        PythonPeer.Run(script, "make", dense, kind);
        FactorizeOptions options = new() { Rule = new RankRule.Fixed(8), FirstBias = true, Format = format, OutputPath = _folder["small"] };
        FactorizationResult small = new FactorizeModel(options).Run(new ModelSource(dense, "model"));
        MergeResult merged = new MergeModel(new MergeOptions { Format = format, OutputPath = _folder["merged"] }).Run(new ModelSource(small.Path, "model"));
        Assert.True(small.FactorizedLayers >= 2);

        string[] answer = PythonPeer.Run(script, "check", small.Path, merged.Path, kind).Split(' ');
        Assert.InRange(double.Parse(answer[0], CultureInfo.InvariantCulture), 0, 1e-5);
        Assert.Equal(small.Parameters, long.Parse(answer[1], CultureInfo.InvariantCulture));
    }

    [PythonFact("torch")]
    public void Tied_weights_stay_tied_in_both_formats()
    {
        string dense = _folder["model.pt"];
        PythonPeer.Run(Script(), "make", dense, "transformer");
        foreach (ModelFormat format in new[] { ModelFormat.Safetensors, ModelFormat.PyTorch })
        {
            FactorizeOptions options = new() { Rule = new RankRule.Fixed(8), Format = format, OutputPath = _folder[format.ToString()] };
            FactorizationResult small = new FactorizeModel(options).Run(new ModelSource(dense, "model"));
            ParameterCount count = CountParameters.Run(new ModelSource(small.Path, "model"));
            Assert.Equal((small.Parameters, 30L * 48), (count.Parameters, count.TiedParameters));
        }
    }

    private static string Script([CallerFilePath] string here = "") =>
        File.ReadAllText(Path.Combine(Path.GetDirectoryName(here)!, "seed_notebook.py"));
}
