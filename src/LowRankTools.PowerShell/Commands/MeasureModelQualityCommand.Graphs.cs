using System.Collections;
using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Quality.Graphs;
using LowRankTools.Numerics;

namespace LowRankTools.PowerShell.Commands;

/// <content>Parameters for graphs of ONNX, which are run as they are.</content>
public sealed partial class MeasureModelQualityCommand
{
    /// <summary>Files with a graph's inputs, one sample each: a tensor by the name of each input. Wildcards are expanded.</summary>
    [Parameter, ValidateNotNullOrEmpty, SupportsWildcards]
    public string[] InputPath { get; set; } = [];

    /// <summary>Random samples, where no files are given.</summary>
    [Parameter, ValidateRange(1, 100_000)]
    public int? SampleCount { get; set; }

    /// <summary>Sizes of inputs that a graph leaves open, by their names.</summary>
    [Parameter, ValidateNotNull]
    public IDictionary InputShape { get; set; } = new Hashtable();

    /// <summary>Seed of random inputs.</summary>
    [Parameter, ValidateRange(0, int.MaxValue)]
    public int Seed { get; set; }

    /// <summary>File of the characters that an output's classes stand for, one a line.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? CharacterPath { get; set; }

    private GraphQualityOptions GraphOptions => new()
    {
        InputPaths = [.. InputPath.SelectMany(Files)],
        Samples = SampleCount,
        InputShapes = InputShape.Cast<DictionaryEntry>().ToDictionary(e => LanguagePrimitives.ConvertTo<string>(e.Key), e => Shape(e.Value), StringComparer.Ordinal),
        Seed = (ulong)Seed,
        CharacterPath = CharacterPath is null ? null : Resolver.Literal(CharacterPath),
        ThreadCount = ThreadCount,
    };

    private IEnumerable<string> Files(string path) =>
        WildcardPattern.ContainsWildcardCharacters(path) ? Resolver.Expand(path, literalFirst: true).Paths.Order(StringComparer.Ordinal) : [Resolver.Literal(path)];

    private static Dimensions Shape(object? value) => (value is PSObject wrapped ? wrapped.BaseObject : value) switch
    {
        string text => Dimensions.Parse(text),
        { } sizes when LanguagePrimitives.TryConvertTo(sizes, out long[] numbers) => Dimensions.Of(numbers),
        _ => throw new LowRankToolsException(CoreErrors.OptionInvalid, "-InputShape: a shape is missing.", "Write @{ x = 1, 3, 48, 320 }."),
    };
}
