using System.Globalization;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Parts;

/// <summary>All parts of one model, opened and held against each other.</summary>
internal sealed class PartSet : IDisposable
{
    /// <summary>More missing parts than this are counted and not named.</summary>
    private const int MostNamed = 10;

    private readonly string _folder;
    private readonly List<PartFile> _files = [];

    private PartSet(string folder) => _folder = folder;

    /// <summary>The parts, by their numbers.</summary>
    public IReadOnlyList<PartFile> Files => _files;

    /// <summary>Where the model goes: beside the parts, wherever they were brought to.</summary>
    public OutputLocation Location
    {
        get
        {
            PartRecord record = _files[0].Record;
            string folder = Path.GetDirectoryName(_folder)!;
            string recordName = record.OwnFolder ? FactorizationRecord.FileName : $"{Path.GetFileNameWithoutExtension(record.WeightsName)}.{FactorizationRecord.FileName}";
            return new OutputLocation(folder, Path.Combine(folder, record.WeightsName), Path.Combine(folder, recordName), record.OwnFolder);
        }
    }

    /// <summary>Opens the parts in a folder.</summary>
    /// <exception cref="LowRankToolsException"><c>PartMissing</c>: there is none, or not every one; <c>PartInvalid</c>: one is damaged;
    /// <c>PartMismatch</c>: one does not belong to the others.</exception>
    public static PartSet Open(string folder)
    {
        PartSet set = new(folder);
        try
        {
            foreach (string file in PartFolder.Files(folder))
                set._files.Add(PartFile.Open(file));
            set.Check();
            return set;
        }
        catch
        {
            set.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (PartFile file in _files)
            file.Dispose();
    }

    private void Check()
    {
        if (_files.Count == 0)
            throw new LowRankToolsException(CoreErrors.PartMissing, $"{_folder}: the folder holds no parts.", "Name the folder that Invoke-LowRankFactorization -Part wrote to.");
        PartRecord first = _files[0].Record;
        if (Path.GetFileName(first.WeightsName) != first.WeightsName || first.WeightsName.Length == 0)
            throw PartFile.Invalid(_files[0].Path, "the name of the output leads out of its folder");
        foreach (PartFile file in _files)
        {
            if (file.Record.DifferenceFrom(first) is { } difference)
                throw new LowRankToolsException(CoreErrors.PartMismatch, $"{file.Path}: this part does not belong to {Path.GetFileName(_files[0].Path)}: {difference}.", "Compute one of them again with the options of the others, with -Force, or remove it.");
            if (Path.GetFileName(PartFolder.Location(Location, new PartNumber(file.Record.Part, file.Record.Of)).WeightsPath) != Path.GetFileName(file.Path))
                throw new LowRankToolsException(CoreErrors.PartMismatch, $"{file.Path}: its name says another part than its record, {file.Record.Part}/{file.Record.Of}.", "Give it its name back.");
        }
        int[] missing = [.. Enumerable.Range(1, first.Of).Except(_files.Select(f => f.Record.Part))];
        if (missing.Length == 0)
            return;
        string named = string.Join(", ", missing.Take(MostNamed).Select(n => n.ToString(CultureInfo.InvariantCulture))) + (missing.Length > MostNamed ? ", ..." : "");
        throw new LowRankToolsException(CoreErrors.PartMissing, $"{_folder}: {missing.Length} of {first.Of} parts are not there: {named}.", "Compute them with the options of the others; parts that are there are left as they are.");
    }
}
