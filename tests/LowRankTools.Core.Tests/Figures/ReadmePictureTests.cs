using System.Runtime.CompilerServices;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Spectra;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Core.Tests.Figures;

/// <summary>The picture in the README is drawn by the code as it is, of published weights.</summary>
public sealed class ReadmePictureTests
{
    private const string Name = "error-against-kept.svg";

    [RealModelFact(RealModels.SentenceEncoder)]
    public void The_picture_in_the_readme_is_what_the_code_draws()
    {
        ModelSource encoder = new ModelLocator().Find(RealModels.Path(RealModels.SentenceEncoder))[0];
        IEnumerable<LayerSpectrum> spectra = new MeasureSpectra(new SpectrumOptions()).Run(encoder);
        RankPlan[] plans = [.. new[] { 2.0, 3, 5 }.Select(times => new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(times) }).Run(encoder))];
        Assert.All(plans, p => Assert.True(p.IsOptimal));
        Figure figure = Plot.ErrorAgainstKept(spectra, plans) with { Title = "Universal Sentence Encoder lite: error of the weights against parameters kept" };
        string drawn = figure.ToSvg();
        // To take over a picture that was changed on purpose, copy this file to docs/.
        File.WriteAllText(Path.Combine(AppContext.BaseDirectory, Name), drawn);
        Assert.Equal(File.ReadAllText(Place("../../../docs/" + Name)).ReplaceLineEndings("\n"), drawn);
    }

    private static string Place(string name, [CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, name));
}
