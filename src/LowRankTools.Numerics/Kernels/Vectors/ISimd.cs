namespace LowRankTools.Numerics.Kernels.Vectors;

/// <summary>
/// One vector width behind one name, so that a loop over vectors is written once. The compiler sees a struct and
/// leaves nothing of the interface in the machine code.
/// </summary>
/// <typeparam name="TVector">The vector.</typeparam>
/// <typeparam name="T">Its lanes.</typeparam>
internal unsafe interface ISimd<TVector, T>
    where T : unmanaged
{
    static abstract int Lanes { get; }

    static abstract TVector Zero { get; }

    static abstract TVector Load(T* source);

    static abstract void Store(TVector value, T* target);

    static abstract TVector Fill(T value);

    static abstract TVector Multiply(TVector x, TVector y);

    static abstract TVector Add(TVector x, TVector y);

    /// <summary>x y + z.</summary>
    static abstract TVector MultiplyAdd(TVector x, TVector y, TVector z);

    /// <summary>Sum of the lanes.</summary>
    static abstract T Sum(TVector value);

    static abstract TVector Subtract(TVector x, TVector y);

    static abstract TVector Divide(TVector x, TVector y);

    /// <summary>The larger of the two, y where either is NaN.</summary>
    static abstract TVector Larger(TVector x, TVector y);

    /// <summary>The smaller of the two, y where either is NaN.</summary>
    static abstract TVector Smaller(TVector x, TVector y);

    static abstract TVector SquareRoot(TVector x);

    /// <summary>In each lane: x below y ? yes : no.</summary>
    static abstract TVector IfLess(TVector x, TVector y, TVector yes, TVector no);

    /// <summary>2^n for whole n, given as n + 1.5 x 2^23 (float32) or n + 1.5 x 2^52 (float64).</summary>
    static abstract TVector PowerOfTwo(TVector shifted);
}
