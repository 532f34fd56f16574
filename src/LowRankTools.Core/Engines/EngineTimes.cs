using System.Text.Json;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Engines;

/// <summary>
/// What engines were seen to take on this machine, and from it what they would take for other matrices: between two measured
/// costs a power law, above the largest in proportion, below the least the same time, for starting a computation costs something.
/// </summary>
/// <param name="times">Times of one or more engines.</param>
internal sealed class EngineTimes(IReadOnlyList<EngineTime> times)
{
    /// <summary>How many times faster than the embedded engine another one has to run networks: a run is often over before a faster one has started.</summary>
    private const double WorthStarting = 2;

    private const string FileName = "times.json";
    private const int MostBytes = 1 << 20;

    /// <summary>Engines and devices that were measured, each once.</summary>
    public IEnumerable<EngineTime> Engines => times.DistinctBy(t => (t.Engine, t.Device));

    /// <summary>Where the user's times lie.</summary>
    public static string PathIn(EngineStore store) => Path.Combine(store.Root, FileName);

    /// <summary>The times that were measured for a user; null where nothing was, or the file is damaged.</summary>
    public static EngineTimes? Read(EngineStore store)
    {
        try
        {
            FileInfo file = new(PathIn(store));
            if (!file.Exists || file.Length > MostBytes)
                return null;
            EngineTime[]? times = JsonSerializer.Deserialize(File.ReadAllBytes(file.FullName), EngineTimeJson.Default.EngineTimeArray);
            return times is not null && IsSane(times) ? new EngineTimes(times) : null;
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Keeps times in place of older ones.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputNotWritable</c>.</exception>
    public static void Write(EngineStore store, IReadOnlyList<EngineTime> measured)
    {
        string path = PathIn(store), temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Directory.CreateDirectory(store.Root);
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes([.. measured], EngineTimeJson.Default.EngineTimeArray));
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LowRankToolsException(CoreErrors.OutputNotWritable, $"'{path}' cannot be written: {e.Message}", $"Name another folder in the environment variable {EngineStore.Variable}.", e);
        }
    }

    /// <summary>The times of all engines but some.</summary>
    public IEnumerable<EngineTime> OfOthers(IReadOnlyCollection<string> names) => times.Where(t => !names.Contains(t.Engine));

    /// <summary>Whether an engine is still the one that was measured.</summary>
    public bool Knows(EngineInfo engine) => times.Any(t => t.Engine == engine.Name && t.Device == engine.Device
        && t.Version == engine.Version && t.InstructionSet == engine.InstructionSet && t.ThreadCount == engine.ThreadCount);

    /// <summary>Seconds that an engine would take for a matrix, starting not counted.</summary>
    /// <param name="engine">Name of an engine that was measured.</param>
    /// <param name="device">Its device.</param>
    /// <param name="rows">Rows of the matrix.</param>
    /// <param name="columns">Its columns.</param>
    /// <param name="rank">Components wanted.</param>
    public double Seconds(string engine, string device, long rows, long columns, int rank)
    {
        double cost = Cost(rows, columns, rank);
        (double Cost, double Seconds)[] known = [.. times.Where(t => t.Work == EngineWork.TruncatedSvd && t.Engine == engine && t.Device == device)
            .Select(t => (Cost(t.Size, t.Size, t.Rank!.Value), t.Seconds)).OrderBy(t => t.Item1)];
        int above = Array.FindIndex(known, k => k.Cost >= cost);
        if (above == 0)
            return known[0].Seconds;
        if (above < 0)
            return known[^1].Seconds * cost / known[^1].Cost;
        ((double lowCost, double low), (double highCost, double high)) = (known[above - 1], known[above]);
        double share = Math.Log(cost / lowCost) / Math.Log(highCost / lowCost);
        return low * Math.Pow(high / low, share);
    }

    /// <summary>The engine that runs networks so much faster than another one that starting it is worth while; null where none does.</summary>
    /// <param name="than">The other one, which was measured.</param>
    public EngineTime? FasterForNetworks(EngineInfo than)
    {
        double limit = Forward(than.Name, than.Device) / WorthStarting;
        return Engines.Where(e => Forward(e.Engine, e.Device) <= limit).MinBy(e => Forward(e.Engine, e.Device));
    }

    // The geometric mean over the widths: none of them counts more for taking longer.
    private double Forward(string engine, string device) =>
        Math.Exp(times.Where(t => t.Work == EngineWork.Forward && t.Engine == engine && t.Device == device).Average(t => Math.Log(t.Seconds)));

    private static double Cost(long rows, long columns, int rank) => TruncatedSvd.EstimateCost(checked((int)rows), checked((int)columns), rank);

    // Every engine has times of both works, each of them one that can be calculated with.
    private static bool IsSane(EngineTime[] times) => times.Length > 0 && Array.TrueForAll(times, t => t is
    { Engine.Length: > 0, Device.Length: > 0, Version: not null, InstructionSet: not null, Size: > 0, Seconds: > 0 and < 1e6, StartSeconds: >= 0 and < 1e6 }
        && (t.Work == EngineWork.TruncatedSvd ? t.Rank > 0 && t.Rank <= t.Size : t.Work == EngineWork.Forward))
        && times.GroupBy(t => (t.Engine, t.Device)).All(e => e.DistinctBy(t => t.Work).Count() == 2);
}
