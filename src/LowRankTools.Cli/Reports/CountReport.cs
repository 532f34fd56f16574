using LowRankTools.Cli.Output;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>Counts as text: a sheet for one model, a table with a sum for several.</summary>
internal static class CountReport
{
    public static void Write(IReadOnlyList<ParameterCount> counts, ConsoleContext console)
    {
        foreach (ParameterCount count in counts.Where(c => c.LayerShapes is not null))
        {
            console.Out.WriteLine(SafeText.Line($"{count.Name}  {count.Path}"));
            ShapesReport.Write(count.LayerShapes!, console);
            console.Out.WriteLine();
        }
        if (counts.Count == 1)
            Sheet(counts[0]).Write(console);
        else if (counts.Count > 1)
            Table(counts).Write(console);
    }

    private static ReportTable Sheet(ParameterCount count)
    {
        ReportTable sheet = new("", "");
        sheet.Add("Model", count.Name);
        sheet.Add("Path", count.Path);
        sheet.Add("Format", count.Format);
        if (count.Adapter is { } adapter)
            sheet.Add("Adapter", adapter.ToString());
        sheet.Add("Parameters", Figures.Count(count.Parameters));
        sheet.Add("  trainable", Figures.Count(count.TrainableParameters));
        if (count.TiedParameters > 0)
            sheet.Add("  tied", $"{Figures.Count(count.TiedParameters)} more under other names, not counted again");
        sheet.Add("  by kind", Shares(count.ByKind));
        sheet.Add("  by type", Shares(count.ByDType));
        sheet.Add("Tensors", $"{Figures.Count(count.Tensors)}, {Figures.Count(count.Layers)} of them weights of layers");
        sheet.Add(count.TransferredBytes is null ? "On disk" : "On the server", Figures.Bytes(count.Bytes));
        if (count.TransferredBytes is { } transferred)
            sheet.Add("Transferred", count.Note ?? $"{Figures.Bytes(transferred)} of headers");
        sheet.Add("To run", $"{Figures.Bytes(count.RunBytes)} as stored, {Figures.Bytes(count.RunBytesFloat16)} as float16");
        sheet.Add("To train", $"{Figures.Bytes(count.TrainBytesAdam)} with Adam in float32, activations aside");
        return sheet;
    }

    private static ReportTable Table(IReadOnlyList<ParameterCount> counts)
    {
        ReportTable table = new("Model", "Format", ">Parameters", ">Trainable", ">Layers", ">On disk", ">To run", ">To train");
        foreach (ParameterCount c in counts)
        {
            table.Add(c.Name, c.Format, Figures.Count(c.Parameters), Figures.Count(c.TrainableParameters), Figures.Count(c.Layers),
                Figures.Bytes(c.Bytes), Figures.Bytes(c.RunBytes), Figures.Bytes(c.TrainBytesAdam));
        }
        table.Add(Figures.Plural(counts.Count, "model"), "", Figures.Count(counts.Sum(c => c.Parameters)), Figures.Count(counts.Sum(c => c.TrainableParameters)),
            Figures.Count(counts.Sum(c => (long)c.Layers)), Figures.Bytes(counts.Sum(c => c.Bytes)), Figures.Bytes(counts.Sum(c => c.RunBytes)),
            Figures.Bytes(counts.Sum(c => c.TrainBytesAdam)));
        return table;
    }

    /// <summary>Largest first; equal ones by name.</summary>
    private static string Shares(IReadOnlyDictionary<string, long> totals)
    {
        string[] names = [.. totals.Keys];
        Array.Sort(names, (a, b) => totals[b].CompareTo(totals[a]) is var order and not 0 ? order : string.CompareOrdinal(a, b));
        return string.Join(", ", names.Select(name => $"{name} {Figures.Count(totals[name])}"));
    }
}
