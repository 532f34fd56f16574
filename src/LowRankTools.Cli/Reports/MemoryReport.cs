using LowRankTools.Cli.Output;
using LowRankTools.Core.Memory;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Reports;

/// <summary>Estimates of one model as a table, with what they take for granted.</summary>
internal static class MemoryReport
{
    public static void Write(IReadOnlyList<ModelMemory> memory, ConsoleContext console)
    {
        ModelMemory first = memory[0];
        console.Out.WriteLine(SafeText.Line($"{first.Name}  {first.ModelType}  {first.Path}"));
        ReportTable table = new("Weights", ">Bytes", "Cache", ">A token", ">Context", ">Batch", ">Cache bytes", ">Together");
        foreach (ModelMemory m in memory)
        {
            table.Add(m.WeightDType, Figures.Bytes(m.WeightBytes), m.CacheDType, Figures.Bytes(m.CacheBytesPerToken), Figures.Count(m.ContextLength),
                Figures.Count(m.BatchSize), Figures.Bytes(m.CacheBytes), Figures.Bytes(m.TotalBytes));
        }
        table.Write(console);
        console.Out.WriteLine(SafeText.Line($"Weights by type: {string.Join(", ", first.WeightBytesByType.Select(t => $"{t.Key} {Figures.Bytes(t.Value)}"))}"));
        foreach (string assumption in memory.SelectMany(m => m.Assumptions).Distinct(StringComparer.Ordinal))
            console.Out.WriteLine(SafeText.Line($"Taken for granted: {assumption}"));
        if (first.TransferredBytes is { } bytes)
            console.Out.WriteLine($"Transferred: {Figures.Bytes(bytes)} of headers and configuration");
        console.Out.WriteLine();
    }
}
