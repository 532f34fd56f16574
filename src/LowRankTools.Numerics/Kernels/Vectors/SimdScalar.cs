using System.Numerics;
using System.Runtime.CompilerServices;

namespace LowRankTools.Numerics.Kernels.Vectors;

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

    public static T Subtract(T x, T y) => x - y;

    public static T Divide(T x, T y) => x / y;

    public static T Larger(T x, T y) => x > y ? x : y;

    public static T Smaller(T x, T y) => x < y ? x : y;

    public static T SquareRoot(T x) => T.Sqrt(x);

    public static T IfLess(T x, T y, T yes, T no) => x < y ? yes : no;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T PowerOfTwo(T shifted)
    {
        if (typeof(T) == typeof(float)) return (T)(object)BitConverter.Int32BitsToSingle((BitConverter.SingleToInt32Bits((float)(object)shifted) + 127) << 23);
        return (T)(object)BitConverter.Int64BitsToDouble((BitConverter.DoubleToInt64Bits((double)(object)shifted) + 1023) << 52);
    }
}
