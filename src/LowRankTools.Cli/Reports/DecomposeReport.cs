using LowRankTools.Cli.Output;
using LowRankTools.Core.Decompositions;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>The decomposition of a model's tensors as a table and a summary.</summary>
internal static class DecomposeReport
{
    public static void Write(DecompositionResult result, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {result.Rule}  {result.Source}"));
        ReportTable table = new("Tensor", "Shape", "Ranks", ">Parameters", ">After", ">Error", ">Sweeps", ">Seconds");
        foreach (TensorDecomposition tensor in result.Tensors.Where(t => t.Ranks is not null))
        {
            table.Add(tensor.Name, tensor.Shape.ToString(), tensor.Ranks!.ToString(), Figures.Count(tensor.ParametersBefore), Figures.Count(tensor.Parameters),
                Figures.Small(tensor.RelativeError), Figures.Count(tensor.Iterations!.Value), Figures.Seconds(tensor.Seconds));
        }
        table.Write(console);
        foreach (IGrouping<TensorKeepReason, TensorDecomposition> kept in result.Tensors.Where(t => t.Ranks is null).GroupBy(t => t.Reason).OrderBy(g => g.Key))
            console.Out.WriteLine($"{Figures.Plural(kept.Count(), "tensor")} of {Figures.Count(kept.Sum(t => t.Parameters))} parameters stay: {InWords(kept.Key)}");
        console.Out.WriteLine($"{Figures.Plural(result.DecomposedTensors, "tensor")} decomposed");
        console.Out.WriteLine($"parameters  {Figures.Count(result.ParametersBefore)} -> {Figures.Count(result.Parameters)} ({Figures.Percent(result.KeptRatio)}), all tensors, shared storage once");
        console.Out.WriteLine($"bytes       {Figures.Bytes(result.BytesBefore)} -> {Figures.Bytes(result.Bytes)}, tensor data without headers");
        if (result.RelativeError is { } error)
            console.Out.WriteLine($"error       {Figures.Small(error)} = ||X - X'|| / ||X|| over all decomposed tensors, X' made of the factors as stored");
        console.Out.WriteLine($"seconds     {Figures.Seconds(result.Seconds)}, reading and writing included");
        WrittenReport.Write(result.Written, result.Path, result.Displaced, result.Note, console);
        console.Out.WriteLine();
    }

    private static string InWords(TensorKeepReason reason) => reason switch
    {
        TensorKeepReason.NotIncluded => "not included",
        TensorKeepReason.Excluded => "excluded",
        TensorKeepReason.ModeCount => "not the modes that the method takes by itself, see --include",
        TensorKeepReason.NotSmaller => "the factors would not be smaller",
        TensorKeepReason.AlreadyFactorized => "a factor already",
        TensorKeepReason.Shared => "shares its storage",
        TensorKeepReason.UnreadableType => "no floating-point numbers, or a type without conversion",
        _ => "",
    };
}
