namespace LowRankTools.Numerics;

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
    void GateBackward(Activation activation, ITensor gate, ITensor up, ITensor dy, ITensor dGate, ITensor dUp, CancellationToken ct = default);

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
}
