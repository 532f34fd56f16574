using System.Numerics;
using LowRankTools.Numerics.Kernels.Vectors;

namespace LowRankTools.Numerics.Factorizations;

/// <summary>Elementary reflectors H = I - tau v v^T in which one entry of v, the head, is 1.</summary>
internal static unsafe class Householder
{
    /// <summary>Turns x into v with H x = (beta, 0, ..., 0); the head is the first entry.</summary>
    /// <param name="x">Vector; on return v, its leading 1 included.</param>
    /// <param name="length">Length of x, 1 or more.</param>
    /// <returns>beta, and tau: 0 when x already is a multiple of the first unit vector.</returns>
    public static (T Beta, T Tau) Make<T>(T* x, int length)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> => Make(x, x + 1, length - 1);

    /// <summary>The same with the head wherever it lies.</summary>
    /// <param name="head">Entry that takes the whole norm; on return 1.</param>
    /// <param name="tail">The other entries; on return those of v.</param>
    /// <param name="tailLength">How many others.</param>
    public static (T Beta, T Tau) Make<T>(T* head, T* tail, int tailLength)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        T first = *head, scale = T.One;
        *head = T.One;
        T squared = VectorOps.Dot(tail, tail, tailLength);
        if (!T.IsFinite(squared) || squared < Tiny<T>())
        {
            // Squares overflow or vanish: work with the vector divided by its largest entry.
            T largest = T.Zero;
            for (int i = 0; i < tailLength; i++) largest = T.Max(largest, T.Abs(tail[i]));
            if (T.IsZero(largest)) return (first, T.Zero);
            scale = T.Max(largest, T.Abs(first));
            for (int i = 0; i < tailLength; i++) tail[i] /= scale;
            squared = VectorOps.Dot(tail, tail, tailLength);
        }

        T scaledHead = first / scale;
        T beta = -T.CopySign(T.Sqrt((scaledHead * scaledHead) + squared), scaledHead);
        VectorOps.Scale(T.One / (scaledHead - beta), tail, tailLength);
        return (beta * scale, (beta - scaledHead) / beta);
    }

    // Below this a sum of squares has lost digits to underflow.
    private static T Tiny<T>()
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        typeof(T) == typeof(float) ? T.CreateTruncating(1e-28) : T.CreateTruncating(1e-280);
}
