using System.Numerics;

namespace LowRankTools.Numerics;

/// <content>Attention, and what else transformers and convolutions are made of.</content>
public sealed unsafe partial class EmbeddedEngine
{
    private const int WidestHead = 256;

    /// <inheritdoc/>
    public void Attention(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor? logSums, CancellationToken ct = default)
    {
        RequireAttention(shape, q, k, v, keyMask, y, logSums);
        if (y.Length == 0) return;
        if (IsSingle(q)) Attend<float>(shape, q, k, v, keyMask, y, logSums, ct);
        else Attend<double>(shape, q, k, v, keyMask, y, logSums, ct);
    }

    /// <inheritdoc/>
    public void AttentionBackward(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor logSums, ITensor dy, ITensor dq, ITensor dk, ITensor dv, CancellationToken ct = default)
    {
        RequireAttention(shape, q, k, v, keyMask, y, logSums);
        RequireSameShape(y, dy);
        RequireSameShape(q, dq);
        RequireSameShape(k, dk);
        RequireSameShape(v, dv);
        if (IsSingle(q)) AttendBackward<float>(shape, q, k, v, keyMask, y, logSums, dy, dq, dk, dv, ct);
        else AttendBackward<double>(shape, q, k, v, keyMask, y, logSums, dy, dq, dk, dv, ct);
    }

    /// <inheritdoc/>
    public void Rotate(ITensor x, int heads, ITensor cosines, ITensor sines, bool interleaved, bool back, ITensor y, CancellationToken ct = default)
    {
        RequireMatrix(x);
        RequireSameShape(x, y);
        RequireMatrix(cosines);
        RequireSameShape(cosines, sines);
        if (heads < 1 || x.Shape[1] % heads != 0 || cosines.Shape[0] < 1 || 2 * cosines.Shape[1] > x.Shape[1] / heads)
            throw Mismatch($"{Text([.. x.Shape])} in {heads} heads cannot be turned by {Text([.. cosines.Shape])} angles.");
        if (IsSingle(x)) Rotary.Turn(Rows<float>(x), heads, Rows<float>(cosines), Rows<float>(sines), interleaved, back, Rows<float>(y), Threads, ct);
        else Rotary.Turn(Rows<double>(x), heads, Rows<double>(cosines), Rows<double>(sines), interleaved, back, Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public double CrossEntropy(ITensor logits, ReadOnlySpan<int> targets, ITensor? gradient, CancellationToken ct = default)
    {
        RequireMatrix(logits);
        if (gradient is not null) RequireSameShape(logits, gradient);
        if (targets.Length != logits.Shape[0]) throw Mismatch($"{targets.Length} targets are not one for each row of {Text([.. logits.Shape])}.");
        foreach (int target in targets)
        {
            if (target >= logits.Shape[1])
                throw new LowRankToolsException("IndexOutOfRange", $"Target {target} is not among the {logits.Shape[1]} classes.", "Check the targets against the logits.");
        }

        int[] classes = targets.ToArray();
        return IsSingle(logits)
            ? SoftmaxCrossEntropy.Compute(Rows<float>(logits), classes, gradient is null ? null : Rows<float>(gradient), Threads, ct)
            : SoftmaxCrossEntropy.Compute(Rows<double>(logits), classes, gradient is null ? null : Rows<double>(gradient), Threads, ct);
    }

    /// <inheritdoc/>
    public void Unfold(ConvolutionShape shape, ITensor x, ITensor patches, CancellationToken ct = default)
    {
        RequirePatches(shape, x, patches);
        if (IsSingle(x)) Patches.Unfold(shape, Rows<float>(x), Rows<float>(patches), Threads, ct);
        else Patches.Unfold(shape, Rows<double>(x), Rows<double>(patches), Threads, ct);
    }

    /// <inheritdoc/>
    public void Fold(ConvolutionShape shape, ITensor patches, ITensor x, CancellationToken ct = default)
    {
        RequirePatches(shape, x, patches);
        if (IsSingle(x)) Patches.Fold(shape, Rows<float>(patches), Rows<float>(x), Threads, ct);
        else Patches.Fold(shape, Rows<double>(patches), Rows<double>(x), Threads, ct);
    }

    /// <inheritdoc/>
    public void Dropout(ITensor x, double rate, ulong seed, ITensor y, CancellationToken ct = default)
    {
        RequireSameShape(x, y);
        if (!(rate is >= 0 and <= 1)) throw new LowRankToolsException("ShareOutOfRange", $"A dropout rate of {rate} is not between 0 and 1.");
        if (IsSingle(x)) Dropping.Run(Rows<float>(x), rate, seed, Rows<float>(y), Threads, ct);
        else Dropping.Run(Rows<double>(x), rate, seed, Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void Adam(AdamSettings settings, int iteration, ITensor value, ITensor gradient, ITensor mean, ITensor square, CancellationToken ct = default)
    {
        RequireSameShape(value, gradient);
        RequireSameShape(value, mean);
        RequireSameShape(value, square);
        if (IsSingle(value)) AdamStep.Run(settings, iteration, Rows<float>(value), Rows<float>(gradient), Rows<float>(mean), Rows<float>(square), Threads, ct);
        else AdamStep.Run(settings, iteration, Rows<double>(value), Rows<double>(gradient), Rows<double>(mean), Rows<double>(square), Threads, ct);
    }

    private void Attend<T>(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor? logSums, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new AttentionForward<T>(shape, Rows<T>(q), Rows<T>(k), Rows<T>(v), Mask<T>(keyMask), Rows<T>(y), Entries<T>(logSums), Threads, ct).Run();

    private void AttendBackward<T>(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor logSums, ITensor dy, ITensor dq, ITensor dk, ITensor dv, CancellationToken ct)
        where T : unmanaged, IBinaryFloatingPointIeee754<T> =>
        new AttentionBackward<T>(shape, Rows<T>(q), Rows<T>(k), Rows<T>(v), Mask<T>(keyMask), Threads, ct)
            .Run(Rows<T>(y), Entries<T>(logSums), Rows<T>(dy), Rows<T>(dq), Rows<T>(dk), Rows<T>(dv));

    // As summands of the scores.
    private static T[]? Mask<T>(ReadOnlySpan<bool> keyMask)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (keyMask.IndexOf(false) < 0) return null;
        T[] summands = new T[keyMask.Length];
        for (int i = 0; i < summands.Length; i++) summands[i] = keyMask[i] ? T.Zero : T.NegativeInfinity;
        return summands;
    }

    private static void RequireAttention(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor? logSums)
    {
        RequireMatrix(q);
        RequireMatrix(k);
        RequireMatrix(v);
        RequireMatrix(y);
        (int batch, int heads, int keyHeads, _, _) = shape;
        bool fits = batch >= 1 && keyHeads >= 1 && heads >= 1 && heads % keyHeads == 0
            && q.Shape[0] % batch == 0 && k.Shape[0] % batch == 0 && v.Shape[0] == k.Shape[0] && y.Shape[0] == q.Shape[0]
            && q.Shape[1] % heads == 0 && k.Shape[1] == q.Shape[1] / heads * keyHeads && v.Shape[1] % keyHeads == 0 && y.Shape[1] == v.Shape[1] / keyHeads * heads
            && (keyMask.IsEmpty || keyMask.Length == k.Shape[0]) && (logSums is null || logSums.Length == (long)heads * q.Shape[0]);
        if (!fits)
            throw Mismatch($"Queries {Text([.. q.Shape])}, keys {Text([.. k.Shape])}, values {Text([.. v.Shape])} and outputs {Text([.. y.Shape])} do not go together as {batch} sequences of {heads} and {keyHeads} heads.");
        if (Math.Max(q.Shape[1] / heads, v.Shape[1] / keyHeads) > WidestHead)
            throw Mismatch($"A head of more than {WidestHead} features is too wide.");
    }

    private static void RequirePatches(ConvolutionShape shape, ITensor x, ITensor patches)
    {
        RequireMatrix(x);
        RequireMatrix(patches);
        int pixels = shape.Height * shape.Width, places = shape.OutputHeight * shape.OutputWidth;
        if (pixels < 1 || x.Shape[0] % pixels != 0 || patches.Shape[0] != x.Shape[0] / pixels * places || patches.Shape[1] != x.Shape[1] * shape.KernelHeight * shape.KernelWidth)
            throw Mismatch($"{Text([.. x.Shape])} as images of {shape.Height} x {shape.Width} does not give patches of {Text([.. patches.Shape])}.");
    }
}
