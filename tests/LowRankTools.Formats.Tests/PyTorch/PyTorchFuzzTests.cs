using LowRankTools.Formats.Tests.Fuzz;

namespace LowRankTools.Formats.Tests.PyTorch;

public sealed class PyTorchFuzzTests
{
    private const int Mutations = 10_000;

    private static readonly byte[] s_archive = MakeArchive();
    private static readonly byte[] s_legacy = MakeLegacy();

    [Fact]
    public void The_files_are_whole_before_they_are_damaged()
    {
        using Opened archive = new(s_archive);
        using Opened legacy = new(s_legacy);
        Assert.Equal(["net.weight", "net.turned", "net.mean", "head"], archive.Names);
        Assert.Equal(["a", "b"], legacy.Names);
    }

    [Fact]
    public void Every_truncation_of_an_archive_is_refused() =>
        Assert.Equal(s_archive.Length, FuzzRun.ReadAll(Mutator.Truncations(s_archive), "model.pt"));

    [Fact]
    public void Every_truncation_of_a_legacy_file_is_refused() =>
        Assert.Equal(s_legacy.Length, FuzzRun.ReadAll(Mutator.Truncations(s_legacy), "model.pt"));

    [Fact]
    public void Mutated_archives_are_read_or_refused() => CheckMutations(s_archive, seed: 1);

    [Fact]
    public void Mutated_legacy_files_are_read_or_refused() => CheckMutations(s_legacy, seed: 2);

    private static void CheckMutations(byte[] valid, int seed)
    {
        Mutator mutator = new(seed);
        int refused = FuzzRun.ReadAll(Enumerable.Range(0, Mutations).Select(_ => mutator.Mutate(valid)), "model.pt");
        // Damage to values and to names that nobody looks at goes unseen; most damage does not.
        Assert.InRange(refused, Mutations / 4, Mutations - Mutations / 20);
    }

    private static byte[] MakeArchive()
    {
        P.Persistent shared = T.Storage("FloatStorage", "0", 12);
        P.Build module = T.Module(
            P.Ordered(("weight", T.Parameter(T.View(shared, 0, [3, 4], [4, 1]))), ("turned", T.Parameter(T.View(shared, 0, [4, 3], [1, 4])))),
            P.Ordered(("mean", T.View(T.Storage("LongStorage", "1", 1), 0, [], []))));
        return T.Archive(P.Dict(
            ("model", P.Dict(("net", module), ("head", T.View(T.Storage("HalfStorage", "2", 5), 1, [2, 2], [2, 1])))),
            ("optimizer", P.Dict(("state", P.Dict()), ("param_groups", new List<object?> { 1, 2.5, "x" }))), ("epoch", 3)),
            T.Floats(12), [1, 2, 3, 4, 5, 6, 7, 8], new byte[10]);
    }

    private static byte[] MakeLegacy() => T.Legacy(
        P.Ordered(
            ("a", T.View(T.LegacyStorage("FloatStorage", "7", 12), 0, [3, 4], [4, 1])),
            ("b", T.View(T.LegacyStorage("FloatStorage", "7", 12, P.Tuple("8", 2, 6)), 0, [2, 3], [1, 2]))),
        ("7", 4, T.Floats(12)));
}
