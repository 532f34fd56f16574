using System.Numerics;

namespace LowRankTools.Numerics;

/// <summary>One lane: the meaning of the wider ones, and what runs where the machine has none.</summary>
internal readonly unsafe struct SimdScalar<T> : ISimd<T, T>
    where T : unmanaged, IBinaryFloatingPointIeee754<T>
{
    public static int Lanes => 1;

    public static T Zero => T.Zero;

    public static T Load(T* source) => *source;

    public static void Store(T value, T* target) => *target = value;

    public static T Fill(T value) => value;

    public static T Multiply(T x, T y) => x * y;

    public static T Add(T x, T y) => x + y;

    public static T MultiplyAdd(T x, T y, T z) => (x * y) + z;

    public static T Sum(T value) => value;
}
