using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Memory;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank memory</c>: what models need to run, from headers and configurations.</summary>
internal static class MemoryCommand
{
    private static readonly string[] s_dtypes = [.. MemoryOptions.DTypes.Select(d => d.ToString())];

    public static Command Create(ConsoleContext console)
    {
        HeaderOptions headers = new();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        Option<int[]> lengths = SharedOptions.Numbers("--context-length", "Tokens of a sequence, several with commas between them; the model's longest by default.", "a length is a whole number, at least 1");
        Option<int?> batch = SharedOptions.Number<int>("--batch-size", "Sequences at a time; 1 by default.", n => n >= 1, "a batch is a whole number, at least 1");
        Option<string?> cache = SharedOptions.Choice("--cache-dtype", "Type of keys and values in the cache; f16 by default.", s_dtypes);
        Option<string?> weights = SharedOptions.Choice("--weight-dtype", "Type that the weights are held in; as stored by default.", s_dtypes);
        Command command = new("memory", "Estimate the memory of models at work: weights, and the cache of keys and values.") { headers.Paths, recurse, lengths, batch, cache, weights };
        headers.AddTo(command);
        command.Add(json);
        command.SetAction(parsed =>
        {
            MemoryOptions options = new()
            {
                ContextLengths = parsed.GetValue(lengths) ?? [],
                BatchSize = parsed.GetValue(batch) ?? 1,
                CacheDType = DType(parsed.GetValue(cache)) ?? TensorDType.F16,
                WeightDType = DType(parsed.GetValue(weights)),
            };
            return new ModelRun(console, takesAddresses: true).Each(parsed.GetRequiredValue(headers.Paths), parsed.GetValue(recurse), source =>
            {
                IReadOnlyList<ModelMemory> memory = MeasureMemory.Run(source, options, headers.Remote(parsed, console));
                if (!parsed.GetValue(json))
                    MemoryReport.Write(memory, console);
                foreach (ModelMemory one in parsed.GetValue(json) ? memory : [])
                    JsonLines.Write(console.Out, one);
            });
        });
        return command;
    }

    private static TensorDType? DType(string? name) => name is null ? null : Enum.Parse<TensorDType>(name, ignoreCase: true);
}
