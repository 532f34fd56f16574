using System.Globalization;
using LowRankTools.Cli.Output;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Text;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Cli.Reports;

/// <summary>One factorization as a table of its layers and a summary of what was measured on what.</summary>
internal static class FactorizeReport
{
    /// <summary>More kept layers than this are told by their reasons only.</summary>
    private const int MostKeptRows = 8;

    public static void Write(FactorizationResult result, int threads, ConsoleContext console)
    {
        console.Out.WriteLine(SafeText.Line($"{result.Name}  {result.Rule}{(result.Part is { } part ? $"  part {part}" : "")}  {result.Source}"));
        Layers(result).Write(console);
        if (result.KeptLayers > MostKeptRows)
            WriteKept(result, console);
        WriteTotals(result, threads, console);
        console.Out.WriteLine();
    }

    private static ReportTable Layers(FactorizationResult result)
    {
        if (result.Layers.Any(l => l.CalibratedError is not null))
            return CalibratedLayers(result);
        if (result.Layers.Any(l => l.Ranks is not null && (l.Kind is LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d || IsMade(l))))
            return Chains(result);
        if (result.Layers.Any(l => l.Quantization is not null))
            return QuantizedLayers(result);
        if (!result.Written)
            return PlannedLayers(result);
        ReportTable table = new("Layer", "Shape", ">Rank", ">Parameters", ">After", ">Error", ">Seconds", "Stays dense");
        foreach (LayerFactorization layer in result.Layers.Where(l => l.Rank is not null || result.KeptLayers <= MostKeptRows))
        {
            table.Add(layer.Name, layer.Shape.ToString(), layer.Rank?.ToString(CultureInfo.InvariantCulture) ?? "", Figures.Count(layer.ParametersBefore),
                Figures.Count(layer.Parameters), Figures.Small(layer.RelativeError), Figures.Seconds(layer.Seconds), KeepReasons.InWords(layer.Reason));
        }
        return table;
    }

    /// <summary>Before anything is computed there is no error and no time, but every byte is known.</summary>
    private static ReportTable PlannedLayers(FactorizationResult result)
    {
        ReportTable table = new("Layer", "Shape", ">Rank", ">Parameters", ">After", ">Bytes", ">Bytes after", "Stays dense");
        foreach (LayerFactorization layer in result.Layers.Where(l => l.Rank is not null || result.KeptLayers <= MostKeptRows))
        {
            table.Add(layer.Name, layer.Shape.ToString(), layer.Rank?.ToString(CultureInfo.InvariantCulture) ?? "", Figures.Count(layer.ParametersBefore),
                Figures.Count(layer.Parameters), Figures.Bytes(layer.BytesBefore), Figures.Bytes(layer.Bytes), KeepReasons.InWords(layer.Reason));
        }
        return table;
    }

    private static bool IsMade(LayerFactorization layer) => layer.Method == nameof(FactorMethod.Pivoted) || layer.Method?.StartsWith(nameof(FactorMethod.TensorTrain), StringComparison.Ordinal) == true;

    private static ReportTable Chains(FactorizationResult result)
    {
        ReportTable table = new("Layer", "Shape", "Method", ">Ranks", ">Parameters", ">After", ">Error", ">Seconds", "Stays dense");
        foreach (LayerFactorization layer in result.Layers.Where(l => l.Rank is not null || result.KeptLayers <= MostKeptRows))
        {
            table.Add(layer.Name, layer.Shape.ToString(), layer.Rank is null ? "" : layer.Kind is LayerKind.Conv1d or LayerKind.Conv2d or LayerKind.Conv3d || IsMade(layer) ? layer.Method! : nameof(FactorMethod.Svd), layer.Ranks?.ToString() ?? "",
                Figures.Count(layer.ParametersBefore), Figures.Count(layer.Parameters), Figures.Small(layer.RelativeError), Figures.Seconds(layer.Seconds), KeepReasons.InWords(layer.Reason));
        }
        return table;
    }

    private static ReportTable CalibratedLayers(FactorizationResult result)
    {
        ReportTable table = new("Layer", "Shape", ">Rank", ">Parameters", ">After", ">Error", ">Calibrated", ">Held out", ">Seconds", "Stays dense");
        foreach (LayerFactorization layer in result.Layers.Where(l => l.Rank is not null || result.KeptLayers <= MostKeptRows))
        {
            table.Add(layer.Name, layer.Shape.ToString(), layer.Rank?.ToString(CultureInfo.InvariantCulture) ?? "", Figures.Count(layer.ParametersBefore),
                Figures.Count(layer.Parameters), Figures.Small(layer.RelativeError), Figures.Small(layer.CalibratedError), Figures.Small(layer.HeldOutError),
                Figures.Seconds(layer.Seconds), KeepReasons.InWords(layer.Reason));
        }
        return table;
    }

    private static ReportTable QuantizedLayers(FactorizationResult result)
    {
        ReportTable table = new("Layer", "Shape", ">Rank", "Type", ">Bytes", ">After", ">Truncated", ">Quantised", ">Error", "Stays dense");
        foreach (LayerFactorization layer in result.Layers.Where(l => l.Rank is not null || result.KeptLayers <= MostKeptRows))
        {
            table.Add(layer.Name, layer.Shape.ToString(), layer.Rank?.ToString(CultureInfo.InvariantCulture) ?? "", layer.DType, Figures.Count(layer.BytesBefore), Figures.Count(layer.Bytes),
                Figures.Small(layer.TruncationError), Figures.Small(layer.QuantizationError), Figures.Small(layer.RelativeError), KeepReasons.InWords(layer.Reason));
        }
        return table;
    }

    private static void WriteKept(FactorizationResult result, ConsoleContext console)
    {
        foreach (IGrouping<KeepReason, LayerFactorization> kept in result.Layers.Where(l => l.Rank is null).GroupBy(l => l.Reason).OrderBy(g => g.Key))
            console.Out.WriteLine($"{Figures.Plural(kept.Count(), "layer")} of {Figures.Count(kept.Sum(l => l.Parameters))} parameters stay dense: {KeepReasons.InWords(kept.Key)}");
    }

    private static void WriteTotals(FactorizationResult result, int threads, ConsoleContext console)
    {
        console.Out.WriteLine($"{Figures.Plural(result.FactorizedLayers, "layer")} factorized, {Figures.Count(result.KeptLayers)} kept");
        console.Out.WriteLine($"parameters  {Figures.Count(result.ParametersBefore)} -> {Figures.Count(result.Parameters)} ({Figures.Percent(result.KeptRatio)}), all tensors, shared storage once");
        console.Out.WriteLine($"bytes       {Figures.Bytes(result.BytesBefore)} -> {Figures.Bytes(result.Bytes)}, tensor data without headers");
        if (result.RelativeError is { } error)
            console.Out.WriteLine($"error       {Figures.Small(error)} = ||W - W'|| / ||W|| over all factorized weights, W' the product of the factors as stored");
        if (result.MeanError is { } mean)
            console.Out.WriteLine($"            {Figures.Small(mean)} = root mean square over the layers of ||W - W'|| / ||W||");
        if (result.Layers.Count(l => l.Rank is not null && l.Basis is not null) is > 0 and var sharing)
            console.Out.WriteLine($"shared      {Figures.Plural(sharing, "layer")} of these use the factor next to the inputs of an earlier one, where it is counted");
        if (result.Layers.Sum(l => l.ZeroedParameters ?? 0) is > 0 and var zeroed)
            console.Out.WriteLine($"2:4         {Figures.Count(zeroed)} entries of {Figures.Plural(result.Layers.Count(l => l.ZeroedParameters > 0), "dense weight")} are zero, written as zeros");
        if (result.Layers.Any(l => l.QuantizationError is not null))
            console.Out.WriteLine("quantised   ||W' - W''|| / ||W||, W' before and W'' after levels and scales; truncated: ||W - W'|| / ||W||");
        if (result.Layers.Any(l => l.CalibratedError is not null))
            console.Out.WriteLine("calibrated  ||(W - W') X|| / ||W X|| on the calibration inputs X; held out: on inputs that nothing was fitted on");
        if (result.Seconds is { } seconds)
            console.Out.WriteLine($"seconds     {Figures.Seconds(seconds)}, reading and writing included, {On(threads, result.Engine)}");
        WrittenReport.Write(result.Written, result.Path, result.Displaced, result.Note, console);
    }

    /// <summary>What computed: engine, instruction set, threads.</summary>
    public static string On(int threads, string? name = null)
    {
        EngineInfo engine = EngineCatalog.Embedded;
        if (name is not null && !name.StartsWith(engine.Name, StringComparison.Ordinal))
            return name;
        return $"{engine.Name} engine, {engine.InstructionSet}, {Figures.Plural(threads > 0 ? threads : engine.ThreadCount, "thread")}";
    }
}
