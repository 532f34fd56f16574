using System.Numerics;

namespace LowRankTools.Numerics;

/// <summary>Elementary reflectors H = I - tau v v^T with v[0] = 1.</summary>
internal static unsafe class Householder
{
    /// <summary>Turns x into v with H x = (beta, 0, ..., 0).</summary>
    /// <param name="x">Vector; on return v, its leading 1 included.</param>
    /// <param name="length">Length of x.</param>
    /// <returns>beta, and tau: 0 when x already is a multiple of the first unit vector.</returns>
    public static (T Beta, T Tau) Make<T>(T* x, int length)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T head = x[0];
        T largest = T.Zero;
        for (int i = 1; i < length; i++) largest = T.Max(largest, T.Abs(x[i]));
        x[0] = T.One;
        if (T.IsZero(largest)) return (head, T.Zero);

        // Scaled by the largest entry, so that squares neither overflow nor vanish.
        largest = T.Max(largest, T.Abs(head));
        T scaledHead = head / largest;
        T tail = T.Zero;
        for (int i = 1; i < length; i++) x[i] /= largest;
        if (length > 1) tail = VectorOps.Dot(x + 1, x + 1, length - 1);
        T beta = -T.CopySign(T.Sqrt((scaledHead * scaledHead) + tail), scaledHead);
        VectorOps.Scale(T.One / (scaledHead - beta), x + 1, length - 1);
        return (beta * largest, (beta - scaledHead) / beta);
    }
}
