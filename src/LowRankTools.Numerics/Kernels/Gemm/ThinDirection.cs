namespace LowRankTools.Numerics.Kernels.Gemm;

/// <summary>Where the next entry of a row of A lies, a constant to the compiler: beside it, or one row of memory further (A is a transpose).</summary>
internal interface IThinDirection
{
    static abstract bool AlongRows { get; }
}

internal readonly struct AlongRows : IThinDirection
{
    static bool IThinDirection.AlongRows => true;
}

internal readonly struct AlongColumns : IThinDirection
{
    static bool IThinDirection.AlongRows => false;
}
