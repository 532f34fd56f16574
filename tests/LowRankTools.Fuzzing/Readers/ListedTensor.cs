using LowRankTools.Fuzzing.Running;

namespace LowRankTools.Fuzzing.Readers;

/// <summary>Name and shape, as a reader lists them.</summary>
internal sealed record ListedTensor(string Name, IReadOnlyList<long> Shape)
{
    public override string ToString() => $"{Name} [{string.Join(", ", Shape)}]";

    /// <summary>Two lists must hold the same tensors in any order.</summary>
    /// <exception cref="FuzzFailureException">They do not.</exception>
    public static void Expect(IEnumerable<ListedTensor> expected, IEnumerable<ListedTensor> actual, string whose)
    {
        string[] theirs = [.. expected.Select(t => t.ToString()).Order(StringComparer.Ordinal)], ours = [.. actual.Select(t => t.ToString()).Order(StringComparer.Ordinal)];
        if (!theirs.AsSpan().SequenceEqual(ours))
            throw new FuzzFailureException($"{whose} differs: expected {string.Join("; ", theirs.Except(ours))}; found {string.Join("; ", ours.Except(theirs))} ({theirs.Length} and {ours.Length} tensors)");
    }
}
