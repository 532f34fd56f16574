using System.Numerics;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Numerics.Engines.Embedded;

/// <content>Attention, and what else transformers and convolutions are made of.</content>
public sealed unsafe partial class EmbeddedEngine
{
    /// <inheritdoc/>
    public void Attention(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor? logSums, CancellationToken ct = default)
    {
        NetworkShapes.RequireAttention(shape, q, k, v, keyMask, y, logSums);
        if (y.Length == 0) return;
        if (IsSingle(q)) Attend<float>(shape, q, k, v, keyMask, y, logSums, ct);
        else Attend<double>(shape, q, k, v, keyMask, y, logSums, ct);
        _options.Counter?.AddAttention(shape, q, k, v, y);
    }

    /// <inheritdoc/>
    public void AttentionBackward(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor logSums, ITensor dy, ITensor dq, ITensor dk, ITensor dv, CancellationToken ct = default)
    {
        NetworkShapes.RequireAttention(shape, q, k, v, keyMask, y, logSums);
        NetworkShapes.RequireSame(y, dy);
        NetworkShapes.RequireSame(q, dq);
        NetworkShapes.RequireSame(k, dk);
        NetworkShapes.RequireSame(v, dv);
        if (IsSingle(q)) AttendBackward<float>(shape, q, k, v, keyMask, y, logSums, dy, dq, dk, dv, ct);
        else AttendBackward<double>(shape, q, k, v, keyMask, y, logSums, dy, dq, dk, dv, ct);
    }

    /// <inheritdoc/>
    public void Rotate(ITensor x, int heads, ITensor cosines, ITensor sines, bool interleaved, bool back, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireTurn(x, heads, cosines, sines, y);
        if (IsSingle(x)) Rotary.Turn(Rows<float>(x), heads, Rows<float>(cosines), Rows<float>(sines), interleaved, back, Rows<float>(y), Threads, ct);
        else Rotary.Turn(Rows<double>(x), heads, Rows<double>(cosines), Rows<double>(sines), interleaved, back, Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public double CrossEntropy(ITensor logits, ReadOnlySpan<int> targets, ITensor? gradient, CancellationToken ct = default)
    {
        NetworkShapes.RequireTargets(logits, targets, gradient);
        int[] classes = targets.ToArray();
        return IsSingle(logits)
            ? SoftmaxCrossEntropy.Compute(Rows<float>(logits), classes, gradient is null ? null : Rows<float>(gradient), Threads, ct)
            : SoftmaxCrossEntropy.Compute(Rows<double>(logits), classes, gradient is null ? null : Rows<double>(gradient), Threads, ct);
    }

    /// <inheritdoc/>
    public void Unfold(ConvolutionShape shape, ITensor x, ITensor patches, CancellationToken ct = default)
    {
        NetworkShapes.RequirePatches(shape, x, patches);
        if (IsSingle(x)) Patches.Unfold(shape, Rows<float>(x), Rows<float>(patches), Threads, ct);
        else Patches.Unfold(shape, Rows<double>(x), Rows<double>(patches), Threads, ct);
    }

    /// <inheritdoc/>
    public void Fold(ConvolutionShape shape, ITensor patches, ITensor x, CancellationToken ct = default)
    {
        NetworkShapes.RequirePatches(shape, x, patches);
        if (IsSingle(x)) Patches.Fold(shape, Rows<float>(patches), Rows<float>(x), Threads, ct);
        else Patches.Fold(shape, Rows<double>(patches), Rows<double>(x), Threads, ct);
    }

    /// <inheritdoc/>
    public void ConvolveChannels(ConvolutionShape shape, ITensor x, ITensor kernel, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireChannels(shape, x, kernel, y);
        if (IsSingle(x)) ChannelConvolution.Forward(shape, Rows<float>(x), Rows<float>(kernel), Rows<float>(y), Threads, ct);
        else ChannelConvolution.Forward(shape, Rows<double>(x), Rows<double>(kernel), Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void ConvolveChannelsBackward(ConvolutionShape shape, ITensor x, ITensor kernel, ITensor dy, ITensor dx, ITensor? kernelGradient, CancellationToken ct = default)
    {
        NetworkShapes.RequireChannels(shape, x, kernel, dy);
        NetworkShapes.RequireSame(x, dx);
        if (kernelGradient is not null) NetworkShapes.RequireSame(kernel, kernelGradient);
        if (IsSingle(x)) Back<float>();
        else Back<double>();

        void Back<T>()
            where T : unmanaged, IBinaryFloatingPointIeee754<T>
        {
            if (kernelGradient is not null) ChannelConvolution.BackwardKernel(shape, Rows<T>(x), Rows<T>(dy), Rows<T>(kernelGradient), Threads, ct);
            ChannelConvolution.BackwardInput(shape, Rows<T>(kernel), Rows<T>(dy), Rows<T>(dx), Threads, ct);
        }
    }

    /// <inheritdoc/>
    public void Dropout(ITensor x, double rate, ulong seed, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, y);
        NetworkShapes.RequireRate(rate);
        if (IsSingle(x)) Dropping.Run(Rows<float>(x), rate, seed, Rows<float>(y), Threads, ct);
        else Dropping.Run(Rows<double>(x), rate, seed, Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void Adam(AdamSettings settings, int iteration, ITensor value, ITensor gradient, ITensor mean, ITensor square, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(value, gradient);
        NetworkShapes.RequireSame(value, mean);
        NetworkShapes.RequireSame(value, square);
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
}
