namespace LowRankTools.Numerics;

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
}
