using System.Globalization;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Comparison;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>The demonstration as four tables: what became of the weights, how fast they run, what each step cost, and a few layers compared.</summary>
internal static class DemoReport
{
    public static void Write(DemoRun run, ConsoleContext console)
    {
        console.Out.WriteLine($"An encoder-decoder transformer, width 512, 6 + 6 layers, with made-up weights (singular values fall as i^-0.5), {run.Pairs.Rule}");
        console.Out.WriteLine();
        Weights(run).Write(console);
        console.Out.WriteLine("Error: ||W - W'|| / ||W||, W' the product of the factors as stored; the largest of each group, over all weights in the last row");
        console.Out.WriteLine();
        console.Out.WriteLine($"A forward run over a source and a target of 1,024 tokens: {ModelSpeedReport.On(run.Speeds[0])}");
        ModelSpeedReport.Table(run.Speeds).Write(console);
        console.Out.WriteLine(ModelSpeedReport.Note);
        console.Out.WriteLine();
        Steps(run).Write(console);
        console.Out.WriteLine();
        console.Out.WriteLine("The first layer of each shape, dense weights against the product of their factors:");
        CompareReport.Table(Samples(run), withRank: false).Write(console);
        console.Out.WriteLine();
        WriteNext(run, console);
    }

    private static ReportTable Weights(DemoRun run)
    {
        ReportTable table = new("Weights", "Shape", ">Number", ">Rank", ">Parameters", ">After", ">Kept", ">Error");
        foreach (IGrouping<string, LayerFactorization> alike in run.Pairs.Layers.GroupBy(l => $"{l.Kind} {l.Shape.ToString()}"))
        {
            LayerFactorization first = alike.First();
            long before = alike.Sum(l => l.ParametersBefore), after = alike.Sum(l => l.Parameters);
            table.Add(first.Kind.ToString(), first.Shape.ToString(), Figures.Count(alike.Count()), first.Rank?.ToString(CultureInfo.InvariantCulture) ?? "dense",
                Figures.Count(before), Figures.Count(after), Kept(before, after), Figures.Small(alike.Max(l => l.RelativeError)));
        }
        long otherBefore = run.Pairs.ParametersBefore - run.Pairs.Layers.Sum(l => l.ParametersBefore);
        long otherAfter = run.Pairs.Parameters - run.Pairs.Layers.Sum(l => l.Parameters);
        table.Add("Norms, biases", "", Figures.Count(run.Count.Tensors - run.Pairs.Layers.Count), "dense", Figures.Count(otherBefore), Figures.Count(otherAfter), Kept(otherBefore, otherAfter));
        table.Add("All", "", Figures.Count(run.Count.Tensors), "", Figures.Count(run.Pairs.ParametersBefore), Figures.Count(run.Pairs.Parameters),
            Figures.Percent(run.Pairs.KeptRatio), Figures.Small(run.Pairs.RelativeError));
        return table;
    }

    private static string Kept(long before, long after) => before == 0 ? "" : Figures.Percent((double)after / before);

    private static ReportTable Steps(DemoRun run)
    {
        int changed = run.Differences.Count(d => d.Status == DifferenceStatus.Changed), same = run.Differences.Count(d => d.Status == DifferenceStatus.Same);
        ReportTable table = new("Step", ">Seconds", "Result", "Measured on");
        table.Add("write", Figures.Seconds(run.Seconds.Write), Figures.Bytes(run.Count.Bytes), "the file on disk");
        table.Add("count", Figures.Seconds(run.Seconds.Count), $"{Figures.Count(run.Count.Parameters)} parameters", "the file's header, tied token embedding once");
        table.Add("factorize", Figures.Seconds(run.Pairs.Seconds), $"{Figures.Count(run.Pairs.Parameters)} parameters, {Figures.Bytes(run.Pairs.Bytes)}", $"every tensor written; {FactorizeReport.On(threads: 0)}");
        table.Add("", "", $"error {Figures.Small(run.Pairs.RelativeError)}", $"||W - W'|| / ||W|| over {Figures.Plural(run.Pairs.FactorizedLayers, "factorized weight")}");
        table.Add("merge", Figures.Seconds(run.Merged.Seconds), $"{Figures.Count(run.Merged.Parameters)} parameters", "every pair multiplied out and written");
        table.Add("compare", Figures.Seconds(run.Seconds.Compare), $"{Figures.Count(changed)} changed, {Figures.Count(same)} the same", "every tensor, merged file against first file");
        return table;
    }

    private static IEnumerable<TensorDifference> Samples(DemoRun run) =>
        run.Differences.Where(d => d.Status == DifferenceStatus.Changed).DistinctBy(d => d.Shape.ToString());

    private static void WriteNext(DemoRun run, ConsoleContext console)
    {
        console.Out.WriteLine("Written:");
        foreach (string path in new[] { run.Count.Path, run.Pairs.Path, run.Merged.Path })
            console.Out.WriteLine(SafeText.Line($"  {path}"));
        console.Out.WriteLine();
        console.Out.WriteLine("Try next:");
        console.Out.WriteLine(SafeText.Line($"  lowrank shapes {Quoted(run.Count.Path)} --kind Linear"));
        console.Out.WriteLine(SafeText.Line($"  lowrank factorize {Quoted(run.Count.Path)} --energy 0.9 --what-if"));
        console.Out.WriteLine(SafeText.Line($"  lowrank speed {Quoted(run.Count.Path)} --rank 32,128"));
        console.Out.WriteLine(SafeText.Line($"  lowrank compare {Quoted(run.Merged.Path)} --reference-path {Quoted(run.Count.Path)} --include-rank"));
    }

    private static string Quoted(string path) => path.Contains(' ') ? $"\"{path}\"" : path;
}
