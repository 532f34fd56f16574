using System.Globalization;

namespace LowRankTools.Fuzzing.Running;

/// <summary>How many inputs a run examines and from which seed on, by environment variables.</summary>
internal static class FuzzSettings
{
    /// <summary>Names the number of inputs.</summary>
    public const string CountVariable = "LOWRANK_FUZZ_INPUTS";

    /// <summary>Names the first seed: with a number of one, it makes one input again.</summary>
    public const string SeedVariable = "LOWRANK_FUZZ_SEED";

    private const int DefaultCount = 300_000, DefaultSeed = 1;

    public static int Count => Number(CountVariable, DefaultCount);

    public static int Seed => Number(SeedVariable, DefaultSeed);

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
