using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Core;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Quality.Graphs;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Options;

/// <summary>What graphs of ONNX are given when they are held against each other.</summary>
internal sealed class GraphOptions
{
    private readonly Option<string[]> _inputs = new("--input-path") { Description = "A file with a graph's inputs, one tensor by the name of each: one sample; * and ? are expanded, repeatable.", HelpName = "file" };
    private readonly Option<int?> _samples = SharedOptions.Number<int>("--sample-count", "Random samples, where no files are given; 1 by default.", n => n >= 1, "a number of samples is a whole number, at least 1");
    private readonly Option<KeyValuePair<string, Dimensions>[]> _shapes = SharedOptions.List("--input-shape", "Sizes of an input that the graph leaves open: x=1x3x48x320; with commas between them, or repeated.", "name=shape", Shape);
    private readonly Option<ulong?> _seed = SharedOptions.Number<ulong>("--seed", "Seed of random inputs; 0 by default.", _ => true, "a seed is a whole number, not negative");
    private readonly Option<string?> _characters = new("--character-path") { Description = "The characters that an output's classes stand for, one a line, the blank not among them: both models' texts are compared.", HelpName = "file" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_inputs, _samples, _shapes, _seed, _characters])
            command.Add(option);
    }

    public GraphQualityOptions Options(ParseResult parsed, int threads) => new()
    {
        InputPaths = [.. (parsed.GetValue(_inputs) ?? []).SelectMany(pattern => PathPatterns.Expand(pattern)).Select(Path.GetFullPath)],
        Samples = parsed.GetValue(_samples),
        InputShapes = (parsed.GetValue(_shapes) ?? []).DistinctBy(s => s.Key, StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal),
        Seed = parsed.GetValue(_seed) ?? 0,
        CharacterPath = parsed.GetValue(_characters) is { } path ? Path.GetFullPath(path) : null,
        ThreadCount = threads,
    };

    private static KeyValuePair<string, Dimensions> Shape(string text)
    {
        int split = text.LastIndexOf('=');
        return split > 0 ? new(text[..split], Dimensions.Parse(text[(split + 1)..])) : throw new LowRankToolsException(CoreErrors.OptionInvalid, $"--input-shape {text}: write name=shape, such as x=1x3x48x320.");
    }
}
