using System.Globalization;
using System.Text.RegularExpressions;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;

namespace LowRankTools.Core.Parts;

/// <summary>
/// The folder in which parts wait to be joined: <c>parts</c> in the model's own folder, or <c>NAME.parts</c> beside a file of that name.
/// Each part is <c>00003-of-00016.safetensors.part</c>, an ending that no model file has.
/// </summary>
internal static partial class PartFolder
{
    private const string Name = "parts", Suffix = ".parts";

    /// <summary>Where the parts of an output wait.</summary>
    public static string Of(OutputLocation location) =>
        location.OwnFolder ? Path.Combine(location.Folder, Name) : Path.Combine(location.Folder, Path.GetFileNameWithoutExtension(location.WeightsPath) + Suffix);

    /// <summary>Where one part goes: with a lock of its own, so that parts can be written side by side.</summary>
    public static OutputLocation Location(OutputLocation output, PartNumber part)
    {
        string folder = Of(output), stem = string.Create(CultureInfo.InvariantCulture, $"{part.Number:D5}-of-{part.Of:D5}");
        return new OutputLocation(folder, Path.Combine(folder, stem + ".safetensors.part"), Path.Combine(folder, $"{stem}.{FactorizationRecord.FileName}"), OwnFolder: false);
    }

    /// <summary>The folder of parts that a path means: itself, the one in it, the one beside a file, or the one that a part lies in.</summary>
    /// <param name="path">Full path.</param>
    public static string Find(string path)
    {
        string inside = Path.Combine(path, Name), beside = Path.Combine(Path.GetDirectoryName(path) ?? path, Path.GetFileNameWithoutExtension(path) + Suffix);
        return File.Exists(path) && Pattern().IsMatch(Path.GetFileName(path)) ? Path.GetDirectoryName(path)!
            : Directory.Exists(path) && Files(path).Count > 0 ? path
            : Directory.Exists(inside) ? inside
            : OutputLocation.IsFile(path) && Directory.Exists(beside) ? beside : path;
    }

    /// <summary>Full paths of the parts in a folder, by their numbers; empty where there is no such folder.</summary>
    public static IReadOnlyList<string> Files(string folder) =>
        Directory.Exists(folder) ? [.. Directory.EnumerateFiles(folder).Where(f => Pattern().IsMatch(Path.GetFileName(f))).Order(StringComparer.Ordinal)] : [];

    [GeneratedRegex(@"\A[0-9]{5,6}-of-[0-9]{5,6}\.safetensors\.part\z", RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
