using System.Globalization;
using System.Runtime.CompilerServices;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Core.Tests.Peers;

/// <summary>The script that is shipped for PyTorch: what it collects is right, and what is made of it is PyTorch's own optimum.</summary>
public sealed class CollectGramsTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PythonFact("torch")]
    public void Collected_Grams_are_those_of_the_inputs_and_give_the_optimum_on_them()
    {
        double[] optimum = [.. PythonPeer.Run(Text("collect_grams_check.py"), Place("../../../module/python/collect_grams.py"), _folder.Path)
            .Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
        FactorizationResult result = Run("grams.safetensors");
        foreach ((string name, double error) in new[] { ("up.weight", optimum[0]), ("down.weight", optimum[1]) })
            Assert.Equal(error, result.Layers.Single(l => l.Name == name).CalibratedError!.Value, 1e-5);
        Assert.Empty(result.Uncalibrated);

        FactorizationResult sequential = Run("sequential.safetensors");
        Assert.Equal(["up.weight"], sequential.Uncalibrated);
        // On what a compressed layer hands on, no pair reproduces the original as well as on the original's own inputs.
        Assert.True(sequential.Layers.Single(l => l.Name == "down.weight").CalibratedError > optimum[1]);
    }

    private FactorizationResult Run(string calibration) => new FactorizeModel(new FactorizeOptions
    {
        Rule = new RankRule.Fixed(2),
        Calibration = new CalibrationOptions { Path = _folder[calibration] },
        OutputPath = _folder["out-" + calibration + ".d"],
    }).Run(new ModelSource(_folder["net.pt"], "net"));

    private static string Text(string name) => File.ReadAllText(Place(name));

    private static string Place(string name, [CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, name));
}
