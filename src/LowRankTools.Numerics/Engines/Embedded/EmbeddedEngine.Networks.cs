using System.Numerics;
using LowRankTools.Numerics.Kernels.Networks;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Numerics.Engines.Embedded;

/// <content>Primitives of neural networks: checks here, loops in Kernels/Networks.</content>
public sealed unsafe partial class EmbeddedEngine : INetworkEngine
{
    /// <inheritdoc/>
    public ITensor Uninitialized(ElementType type, params ReadOnlySpan<int> shape)
    {
        EmbeddedTensor.LengthOf(shape);
        int rows = shape.IsEmpty ? 1 : shape[0], columns = EmbeddedTensor.ColumnsOf(shape);
        return type == ElementType.Float32
            ? EmbeddedTensor<float>.Over(Matrix<float>.Uninitialized(rows, columns), shape)
            : EmbeddedTensor<double>.Over(Matrix<double>.Uninitialized(rows, columns), shape);
    }

    /// <inheritdoc/>
    public ITensor FromDoubles(ReadOnlySpan<double> values, params ReadOnlySpan<int> shape)
    {
        if (EmbeddedTensor.LengthOf(shape) != values.Length) throw Mismatch($"{values.Length} values do not fill {Text(shape)}.");
        EmbeddedTensor<double> tensor = Zeros<double>(shape);
        if (values.Length > 0) values.CopyTo(Contiguous(tensor.View));
        return tensor;
    }

    /// <inheritdoc/>
    public ITensor Adopt(Matrix<float> matrix, params ReadOnlySpan<int> shape)
    {
        if (EmbeddedTensor.LengthOf(shape) != matrix.Length) throw Mismatch($"({matrix.Rows} x {matrix.Columns}) does not fill {Text(shape)}.");
        int rows = shape.IsEmpty ? 1 : shape[0], columns = EmbeddedTensor.ColumnsOf(shape);
        return new EmbeddedTensor<float>(shape.ToArray(), new MatrixView<float>(matrix.Pointer, rows, columns, columns, 1, matrix), matrix);
    }

    /// <inheritdoc/>
    public ITensor Columns(ITensor x, int first, int count)
    {
        RequireMatrix(x);
        int[] shape = [x.Shape[0], count];
        return Own(x) switch
        {
            EmbeddedTensor<float> t => new EmbeddedTensor<float>(shape, t.View.Slice(0, first, t.View.Rows, count), null),
            EmbeddedTensor<double> t => new EmbeddedTensor<double>(shape, t.View.Slice(0, first, t.View.Rows, count), null),
            _ => throw Foreign(),
        };
    }

    /// <inheritdoc/>
    public ITensor AsMatrix(ITensor x) => Own(x) switch
    {
        EmbeddedTensor<float> t => new EmbeddedTensor<float>([t.View.Rows, t.View.Columns], t.View, null),
        EmbeddedTensor<double> t => new EmbeddedTensor<double>([t.View.Rows, t.View.Columns], t.View, null),
        _ => throw Foreign(),
    };

    /// <inheritdoc/>
    public ITensor View(ITensor x, params ReadOnlySpan<int> shape)
    {
        if (EmbeddedTensor.LengthOf(shape) != x.Length) throw Mismatch($"{Text([.. x.Shape])} cannot become {Text(shape)}.");
        return Own(x) switch
        {
            EmbeddedTensor<float> t => Viewed(t, shape),
            EmbeddedTensor<double> t => Viewed(t, shape),
            _ => throw Foreign(),
        };
    }

    /// <inheritdoc/>
    public void Fill(ITensor x, double value)
    {
        if (IsSingle(x)) FillRows(Rows<float>(x), (float)value);
        else FillRows(Rows<double>(x), value);
    }

    /// <inheritdoc/>
    public void AddColumnSums(ITensor x, ITensor sums, CancellationToken ct = default)
    {
        NetworkShapes.RequireColumns(x, sums);
        if (x.Length == 0) return;
        if (IsSingle(x)) RowSums.AddColumns(Rows<float>(x), Entries<float>(sums), Threads, ct);
        else RowSums.AddColumns(Rows<double>(x), Entries<double>(sums), Threads, ct);
    }

    /// <inheritdoc/>
    public void Activate(Activation activation, ITensor x, ITensor? bias, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, y);
        NetworkShapes.RequireColumns(x, bias);
        if (IsSingle(x)) ActivationLoops.Forward(activation, Rows<float>(x), Entries<float>(bias), Rows<float>(y), Threads, ct);
        else ActivationLoops.Forward(activation, Rows<double>(x), Entries<double>(bias), Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void ActivateBackward(Activation activation, ITensor x, ITensor? bias, ITensor dy, ITensor dx, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, dy);
        NetworkShapes.RequireSame(x, dx);
        NetworkShapes.RequireColumns(x, bias);
        if (IsSingle(x)) ActivationLoops.Backward(activation, Rows<float>(x), Entries<float>(bias), Rows<float>(dy), Rows<float>(dx), Threads, ct);
        else ActivationLoops.Backward(activation, Rows<double>(x), Entries<double>(bias), Rows<double>(dy), Rows<double>(dx), Threads, ct);
    }

    /// <inheritdoc/>
    public void Gate(Activation activation, ITensor gate, ITensor up, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(gate, up);
        NetworkShapes.RequireSame(gate, y);
        if (IsSingle(gate)) ActivationLoops.Gate(activation, Rows<float>(gate), Rows<float>(up), Rows<float>(y), Threads, ct);
        else ActivationLoops.Gate(activation, Rows<double>(gate), Rows<double>(up), Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void Normalize(Normalization kind, ITensor x, ITensor? weight, ITensor? bias, double epsilon, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, y);
        NetworkShapes.RequireColumns(x, weight);
        NetworkShapes.RequireColumns(x, bias);
        if (x.Length == 0) return;
        if (IsSingle(x)) NormalizationRows.Forward(kind, Rows<float>(x), Entries<float>(weight), Entries<float>(bias), (float)epsilon, Rows<float>(y), Threads, ct);
        else NormalizationRows.Forward(kind, Rows<double>(x), Entries<double>(weight), Entries<double>(bias), epsilon, Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void NormalizeBackward(Normalization kind, ITensor x, ITensor? weight, double epsilon, ITensor dy, ITensor dx, ITensor? weightGradient, ITensor? biasGradient, CancellationToken ct = default)
    {
        NetworkShapes.RequireSame(x, dy);
        NetworkShapes.RequireSame(x, dx);
        NetworkShapes.RequireColumns(x, weight);
        NetworkShapes.RequireColumns(x, weightGradient);
        NetworkShapes.RequireColumns(x, biasGradient);
        if (x.Length == 0) return;
        if (IsSingle(x)) NormalizationRows.Backward(kind, Rows<float>(x), Entries<float>(weight), (float)epsilon, Rows<float>(dy), Rows<float>(dx), Entries<float>(weightGradient), Entries<float>(biasGradient), Threads, ct);
        else NormalizationRows.Backward(kind, Rows<double>(x), Entries<double>(weight), epsilon, Rows<double>(dy), Rows<double>(dx), Entries<double>(weightGradient), Entries<double>(biasGradient), Threads, ct);
    }

    /// <inheritdoc/>
    public void Gather(ITensor table, ReadOnlySpan<int> rows, ITensor y, CancellationToken ct = default)
    {
        NetworkShapes.RequireTable(table, rows, y);
        int[] numbers = rows.ToArray();
        if (IsSingle(table)) TableRows.Gather(Rows<float>(table), numbers, Rows<float>(y), Threads, ct);
        else TableRows.Gather(Rows<double>(table), numbers, Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void ScatterAdd(ITensor x, ReadOnlySpan<int> rows, ITensor table, CancellationToken ct = default)
    {
        NetworkShapes.RequireTable(table, rows, x);
        int[] numbers = rows.ToArray();
        if (IsSingle(table)) TableRows.ScatterAdd(Rows<float>(x), numbers, Rows<float>(table), Threads, ct);
        else TableRows.ScatterAdd(Rows<double>(x), numbers, Rows<double>(table), Threads, ct);
    }

    private static void FillRows<T>(MatrixView<T> view, T value)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        for (int i = 0; i < view.Rows; i++) new Span<T>(view.Row(i), view.Columns).Fill(value);
    }

    private static bool IsSingle(ITensor x) => x.ElementType == ElementType.Float32;

    // A view whose rows the loops can walk.
    private static MatrixView<T> Rows<T>(ITensor x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (Own(x) is not EmbeddedTensor<T> tensor) throw WrongType();
        if (tensor.View.ColumnStride != 1 && tensor.View.Columns > 1) throw Mismatch($"The rows of the {Text([.. x.Shape])} view are not contiguous.");
        return tensor.View;
    }

    // All entries of a contiguous tensor, such as a bias; null for none.
    private static T* Entries<T>(ITensor? x)
        where T : unmanaged, IBinaryFloatingPointIeee754<T>
    {
        if (x is null) return null;
        MatrixView<T> view = Rows<T>(x);
        if (view.Rows > 1 && view.RowStride != view.Columns) throw Mismatch($"The {Text([.. x.Shape])} view is not contiguous.");
        return view.Pointer;
    }
}
