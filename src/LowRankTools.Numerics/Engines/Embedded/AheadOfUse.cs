using System.Runtime.CompilerServices;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Numerics.Engines.Embedded;

/// <summary>
/// Lets the just-in-time compiler meet what a truncated SVD needs on a core that would be idle: while a model's header is
/// read and its ranks are planned. What is compiled late holds up every thread, because it changes the memory map.
/// </summary>
public static class AheadOfUse
{
    private const int Rows = 200;
    private const int Columns = 264;
    private const int Rank = 20;

    private static int s_begun;

    /// <summary>Begins in the background, the first time in a process that it is asked; a native program has nothing to compile.</summary>
    public static void Begin()
    {
        if (RuntimeFeature.IsDynamicCodeCompiled && Interlocked.Exchange(ref s_begun, 1) == 0) _ = Task.Run(Decompose);
    }

    // Both ways that a matrix can lie, on one thread: small, but large enough for the route of large ones.
    private static void Decompose()
    {
        using Matrix<float> a = Matrix<float>.Uninitialized(Rows, Columns);
        new DeterministicRandom(1).FillGaussian(a.RowBlock(0, Rows));
        var options = new SvdOptions { ThreadCount = 1 };
        MatrixSvd.Compute(a.View, new RankTarget.Rank(Rank), options).Dispose();
        MatrixSvd.Compute(a.Transposed, new RankTarget.Rank(Rank), options).Dispose();
    }
}
