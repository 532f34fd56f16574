using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Engines;

/// <summary>
/// An engine that also has the primitives of neural networks, each with its gradient. Activations are matrices of tokens x
/// features; their rows must be contiguous, so columns of one can be seen without a copy. What a primitive writes is given
/// to it; outputs may be the inputs themselves where a method says "in place".
/// </summary>
/// <remarks>Errors are those of <see cref="ITensorEngine"/>, and IndexOutOfRange for a row or class that is not there.</remarks>
public interface INetworkEngine : ITensorEngine
{
    /// <summary>A tensor whose entries are whatever the memory held; every entry must be written.</summary>
    ITensor Uninitialized(ElementType type, params ReadOnlySpan<int> shape);

    /// <summary>A float64 tensor with the given entries, last dimension fastest.</summary>
    ITensor FromDoubles(ReadOnlySpan<double> values, params ReadOnlySpan<int> shape);

    /// <summary>The entries of a matrix (first dimension x all others) as a float32 tensor, which takes its memory over.</summary>
    ITensor Adopt(Matrix<float> matrix, params ReadOnlySpan<int> shape);

    /// <summary>Columns <paramref name="first"/> to first + count - 1 of a matrix, sharing memory.</summary>
    ITensor Columns(ITensor x, int first, int count);

    /// <summary>The first dimension x all others as a matrix, sharing memory.</summary>
    ITensor AsMatrix(ITensor x);

    /// <summary>The entries of a tensor that lie one after the other, which those of slices of columns and of transposes do not, under another shape, sharing memory.</summary>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch: other than as many entries, or not one after the other.</exception>
    ITensor View(ITensor x, params ReadOnlySpan<int> shape);

    /// <summary>Sets every entry.</summary>
    void Fill(ITensor x, double value);

    /// <summary>sums += the sums of the columns of x: the gradient of a bias.</summary>
    /// <param name="x">n x m.</param>
    /// <param name="sums">m entries.</param>
    /// <param name="ct">Stops the computation.</param>
    void AddColumnSums(ITensor x, ITensor sums, CancellationToken ct = default);

    /// <summary>y = f(x + bias), in place too.</summary>
    /// <param name="activation">f.</param>
    /// <param name="x">n x m.</param>
    /// <param name="bias">m entries, or null.</param>
    /// <param name="y">n x m.</param>
    /// <param name="ct">Stops the computation.</param>
    void Activate(Activation activation, ITensor x, ITensor? bias, ITensor y, CancellationToken ct = default);

    /// <summary>dx = dy f'(x + bias), in place of dy too.</summary>
    void ActivateBackward(Activation activation, ITensor x, ITensor? bias, ITensor dy, ITensor dx, CancellationToken ct = default);

    /// <summary>y = f(gate) up, entry by entry, in place of either too: the middle of a gated feed-forward.</summary>
    void Gate(Activation activation, ITensor gate, ITensor up, ITensor y, CancellationToken ct = default);

    /// <summary>dGate = dy up f'(gate) and dUp = dy f(gate).</summary>
    void GateBackward(Activation activation, ITensor gate, ITensor up, ITensor dy, ITensor dGate, ITensor dUp, CancellationToken ct = default)
    {
        // All before the first is written.
        NetworkShapes.RequireSame(gate, up);
        NetworkShapes.RequireSame(gate, dy);
        NetworkShapes.RequireSame(gate, dGate);
        NetworkShapes.RequireSame(gate, dUp);

        // dUp has the form of the gated product itself; dGate = (dy up) f'(gate).
        Gate(activation, gate, dy, dUp, ct);
        Gate(Activation.None, dy, up, dGate, ct);
        ActivateBackward(activation, gate, null, dGate, dGate, ct);
    }

    /// <summary>Brings each row to one size, then y = normalized x weight + bias, in place too.</summary>
    /// <param name="kind">Layer or root mean square.</param>
    /// <param name="x">n x m.</param>
    /// <param name="weight">m entries, or null for ones.</param>
    /// <param name="bias">m entries, or null for zeros.</param>
    /// <param name="epsilon">What keeps a row of zeros finite.</param>
    /// <param name="y">n x m.</param>
    /// <param name="ct">Stops the computation.</param>
    void Normalize(Normalization kind, ITensor x, ITensor? weight, ITensor? bias, double epsilon, ITensor y, CancellationToken ct = default);

    /// <summary>The gradients of <see cref="Normalize"/>: dx is set (in place of dy too), the others grow.</summary>
    void NormalizeBackward(Normalization kind, ITensor x, ITensor? weight, double epsilon, ITensor dy, ITensor dx, ITensor? weightGradient, ITensor? biasGradient, CancellationToken ct = default);

    /// <summary>y[i] = table[rows[i]].</summary>
    /// <param name="table">entries x m.</param>
    /// <param name="rows">n numbers of entries.</param>
    /// <param name="y">n x m.</param>
    /// <param name="ct">Stops the computation.</param>
    void Gather(ITensor table, ReadOnlySpan<int> rows, ITensor y, CancellationToken ct = default);

    /// <summary>table[rows[i]] += x[i]: the gradient of <see cref="Gather"/>.</summary>
    void ScatterAdd(ITensor x, ReadOnlySpan<int> rows, ITensor table, CancellationToken ct = default);

    /// <summary>
    /// y = softmax(Q K^T scale) V for each head of each sequence, without ever holding all scores. A query that sees no key
    /// gets zeros.
    /// </summary>
    /// <param name="shape">Sequences, heads, causality, scale.</param>
    /// <param name="q">Queries: (batch n) x (heads d), d at most 256.</param>
    /// <param name="k">Keys: (batch m) x (key heads d).</param>
    /// <param name="v">Values: (batch m) x (key heads e).</param>
    /// <param name="keyMask">Whether a key may be seen, batch m entries; empty when all may.</param>
    /// <param name="y">(batch n) x (heads e).</param>
    /// <param name="logSums">batch heads n entries that <see cref="AttentionBackward"/> needs, or null.</param>
    /// <param name="ct">Stops the computation.</param>
    void Attention(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor? logSums, CancellationToken ct = default);

    /// <summary>The gradients of <see cref="Attention"/>, of whose inputs and outputs they have the shapes; none may share memory with them.</summary>
    void AttentionBackward(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor logSums, ITensor dy, ITensor dq, ITensor dk, ITensor dv, CancellationToken ct = default);

    /// <summary>
    /// Turns pairs of features of each head: (a, b) = (a cos - b sin, b cos + a sin), in place too (Su et al., 2021). The gradient
    /// is the turn back.
    /// </summary>
    /// <param name="x">n x (heads d); row i is at position i modulo the positions of the tables.</param>
    /// <param name="heads">Number of heads.</param>
    /// <param name="cosines">Positions x pairs, 2 pairs at most d; features beyond them stay.</param>
    /// <param name="sines">Positions x pairs.</param>
    /// <param name="interleaved">Whether a pair is two neighbours, or feature i and feature i + pairs.</param>
    /// <param name="back">Whether to turn the other way.</param>
    /// <param name="y">As x.</param>
    /// <param name="ct">Stops the computation.</param>
    void Rotate(ITensor x, int heads, ITensor cosines, ITensor sines, bool interleaved, bool back, ITensor y, CancellationToken ct = default);

    /// <summary>The mean of -log softmax(logits)[target] over the rows that have a target.</summary>
    /// <param name="logits">n x classes.</param>
    /// <param name="targets">A class a row; a negative one leaves the row out.</param>
    /// <param name="gradient">n x classes, set to the gradient; the logits themselves, or null.</param>
    /// <param name="ct">Stops the computation.</param>
    double CrossEntropy(ITensor logits, ReadOnlySpan<int> targets, ITensor? gradient, CancellationToken ct = default);

    /// <summary>The pixels under each place of a kernel as one row.</summary>
    /// <param name="shape">Image and kernel.</param>
    /// <param name="x">(images height width) x channels.</param>
    /// <param name="patches">(images places) x (channels kernel height kernel width), in the order of a PyTorch kernel.</param>
    /// <param name="ct">Stops the computation.</param>
    void Unfold(ConvolutionShape shape, ITensor x, ITensor patches, CancellationToken ct = default);

    /// <summary>x = the sum over what <see cref="Unfold"/> made of each pixel: its gradient.</summary>
    void Fold(ConvolutionShape shape, ITensor patches, ITensor x, CancellationToken ct = default);

    /// <summary>Convolves every channel by itself: y[place, c] is the sum over the taps of w[c, tap] x[pixel under it, c].</summary>
    /// <param name="shape">Image and kernel.</param>
    /// <param name="x">(images height width) x channels.</param>
    /// <param name="kernel">w, channels x (kernel height kernel width).</param>
    /// <param name="y">(images places) x channels.</param>
    /// <param name="ct">Stops the computation.</param>
    void ConvolveChannels(ConvolutionShape shape, ITensor x, ITensor kernel, ITensor y, CancellationToken ct = default);

    /// <summary>dx of <see cref="ConvolveChannels"/>, and the kernel's gradient, which grows where it is wanted.</summary>
    void ConvolveChannelsBackward(ConvolutionShape shape, ITensor x, ITensor kernel, ITensor dy, ITensor dx, ITensor? kernelGradient, CancellationToken ct = default);

    /// <summary>y = x / (1 - rate) where a random number, fixed by seed and place, says so, else 0; in place too. Its own gradient.</summary>
    void Dropout(ITensor x, double rate, ulong seed, ITensor y, CancellationToken ct = default);

    /// <summary>One step of Adam.</summary>
    /// <param name="settings">Rate and memories.</param>
    /// <param name="iteration">1, 2, ...</param>
    /// <param name="value">Changed.</param>
    /// <param name="gradient">As value.</param>
    /// <param name="mean">As value, zeros before the first step; changed.</param>
    /// <param name="square">As value, zeros before the first step; changed.</param>
    /// <param name="ct">Stops the computation.</param>
    void Adam(AdamSettings settings, int iteration, ITensor value, ITensor gradient, ITensor mean, ITensor square, CancellationToken ct = default);
}
