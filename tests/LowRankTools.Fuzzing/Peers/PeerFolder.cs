using System.Text.Json;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Fuzzing.Inputs;
using LowRankTools.Fuzzing.Readers;
using LowRankTools.Fuzzing.Running;
using LowRankTools.Numerics;

namespace LowRankTools.Fuzzing.Peers;

/// <summary>Damaged files of one kind in one folder, read here and by one run of another library.</summary>
internal sealed class PeerFolder : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("lowrank-peer-").FullName;
    private readonly SortedDictionary<int, (FuzzInput Input, IReadOnlyList<ListedTensor> Tensors)> _accepted = [];

    /// <summary>Makes inputs until enough of them are accepted; references of several files have no place here.</summary>
    public PeerFolder(FileKind kind, int enough, int seed)
    {
        for (int next = seed; _accepted.Count < enough; next++)
        {
            FuzzInput input = InputMaker.Make(next, kind);
            if (input.Files.Count > 1 || input.Links.Count > 0)
                continue;
            string folder = Path.Combine(_root, next.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Directory.CreateDirectory(folder);
            try
            {
                _accepted[next] = (input, Examination.Read(new ModelSource(input.Write(folder), "model")));
            }
            catch (LowRankToolsException)
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    /// <summary>
    /// Runs the script, which prints a JSON object: the shapes of each file by its folder's name, null where the library
    /// refuses it. Returns how many both accept and what differs.
    /// </summary>
    public (int Both, List<string> Differences) Compare(string script)
    {
        Dictionary<int, long[][]?> theirs = JsonSerializer.Deserialize<Dictionary<int, long[][]?>>(PythonPeer.Run(script, _root))!;
        Assert.Equal(_accepted.Count, theirs.Count);
        List<string> differences = [];
        int both = 0;
        foreach ((int seed, (FuzzInput input, IReadOnlyList<ListedTensor> tensors)) in _accepted)
        {
            if (theirs[seed] is not { } other)
                continue;
            both++;
            string[] ours = [.. tensors.Select(t => string.Join('x', t.Shape)).Order(StringComparer.Ordinal)];
            string[] peer = [.. other.Select(s => string.Join('x', s)).Order(StringComparer.Ordinal)];
            if (!ours.AsSpan().SequenceEqual(peer))
                differences.Add($"{input}: here {string.Join(' ', ours)}, there {string.Join(' ', peer)}");
        }
        return (both, differences);
    }
}
