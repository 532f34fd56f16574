using LowRankTools.Core.Layers;
using LowRankTools.Core.Records;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Merging;

/// <summary>
/// A tensor of a model as it is without factorization: a pair, or the factors of a decomposition, stand merged under the name of the
/// weight they replaced, everything else stands as it is.
/// </summary>
internal sealed class DenseTensor
{
    private readonly TensorInfo _first;
    private readonly TensorInfo? _second;
    private readonly FactorizedLayerRecord? _record;
    private readonly DecomposedTensor? _decomposed;
    private readonly FactorsRecord? _chain;
    private readonly bool _inOut;

    /// <summary>A tensor of its own.</summary>
    public DenseTensor(string name, TensorInfo tensor)
    {
        Name = name;
        Shape = tensor.Shape;
        DType = tensor.DType;
        _first = tensor;
    }

    /// <summary>A pair.</summary>
    /// <param name="record">What it stands for.</param>
    /// <param name="first">The factor that is used first.</param>
    /// <param name="second">The other.</param>
    /// <param name="inOut">Whether they are (in, r) and (r, out), and not (r, in) and (out, r).</param>
    public DenseTensor(FactorizedLayerRecord record, TensorInfo first, TensorInfo second, bool inOut)
    {
        _inOut = inOut;
        Name = record.Name;
        Shape = record.Shape;
        DType = Enum.TryParse(record.DType, out TensorDType dtype) ? dtype : first.DType;
        _record = record;
        _first = first;
        _second = second;
    }

    /// <summary>The factors of a decomposition.</summary>
    public DenseTensor(DecomposedTensor decomposed)
    {
        Name = decomposed.Record.Name;
        Shape = decomposed.Record.Shape;
        DType = Enum.TryParse(decomposed.Record.DType, out TensorDType dtype) ? dtype : decomposed.Factors[0].DType;
        _first = decomposed.Factors[0];
        _decomposed = decomposed;
    }

    /// <summary>The chain of a convolution.</summary>
    public DenseTensor(FactorsRecord chain)
    {
        _record = chain.Record;
        Name = _record.Name;
        Shape = _record.Shape;
        DType = Enum.TryParse(_record.DType, out TensorDType dtype) ? dtype : chain.Factors[0].DType;
        _first = chain.Factors[0];
        _chain = chain;
    }

    /// <summary>Name in the dense model.</summary>
    public string Name { get; }

    /// <summary>Shape in the dense model.</summary>
    public Dimensions Shape { get; }

    /// <summary>Element type in the dense model.</summary>
    public TensorDType DType { get; }

    /// <summary>The tensor itself where it stands as it is; null where factors stand for it.</summary>
    public TensorInfo? Plain => _second is null && _decomposed is null && _chain is null ? _first : null;

    /// <summary>Name of the dense weight whose factors this pair or chain shares; null where it has its own or is none.</summary>
    public string? TiedTo => _record?.TiedTo;

    /// <summary>Values as (product of the leading sizes) x (last size).</summary>
    public Matrix<float> Read(TensorFile file, CancellationToken cancellationToken)
    {
        if (_decomposed is not null)
            return _decomposed.Read(file, cancellationToken);
        if (_chain is not null)
            return _chain.Read(file, cancellationToken);
        if (_second is null)
            return WeightMatrix.Read(file, _first, cancellationToken);
        using Matrix<float> first = WeightMatrix.Read(file, _first, cancellationToken);
        using Matrix<float> second = WeightMatrix.Read(file, _second, cancellationToken);
        bool embedding = _record!.Kind == LayerKind.Embedding;
        // A is (in, r) and B (r, out), whichever way they are stored; an embedding's A is (entries, r) in both.
        MatrixView<float> a = embedding || _inOut ? first.View : first.Transposed, b = _inOut ? second.View : second.Transposed;
        (MatrixView<float> left, MatrixView<float> right) =
            embedding || _record.Orientation == WeightOrientation.InOut ? (a, b) : (b.Transpose(), a.Transpose());
        Matrix<float> product = Matrix<float>.Uninitialized(left.Rows, right.Columns);
        Gemm.Multiply(1, left, right, 0, product.View, null, cancellationToken);
        return product;
    }
}
