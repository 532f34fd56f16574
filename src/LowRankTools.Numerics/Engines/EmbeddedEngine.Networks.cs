using System.Numerics;

namespace LowRankTools.Numerics;

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
    public void Fill(ITensor x, double value)
    {
        if (IsSingle(x)) FillRows(Rows<float>(x), (float)value);
        else FillRows(Rows<double>(x), value);
    }

    /// <inheritdoc/>
    public void AddColumnSums(ITensor x, ITensor sums, CancellationToken ct = default)
    {
        RequireMatrix(x);
        RequireLength(sums, x.Shape[1]);
        if (x.Length == 0) return;
        if (IsSingle(x)) RowSums.AddColumns(Rows<float>(x), Entries<float>(sums), Threads, ct);
        else RowSums.AddColumns(Rows<double>(x), Entries<double>(sums), Threads, ct);
    }

    /// <inheritdoc/>
    public void Activate(Activation activation, ITensor x, ITensor? bias, ITensor y, CancellationToken ct = default)
    {
        RequireSameShape(x, y);
        RequireColumnsOf(x, bias);
        if (IsSingle(x)) ActivationLoops.Forward(activation, Rows<float>(x), Entries<float>(bias), Rows<float>(y), Threads, ct);
        else ActivationLoops.Forward(activation, Rows<double>(x), Entries<double>(bias), Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void ActivateBackward(Activation activation, ITensor x, ITensor? bias, ITensor dy, ITensor dx, CancellationToken ct = default)
    {
        RequireSameShape(x, dy);
        RequireSameShape(x, dx);
        RequireColumnsOf(x, bias);
        if (IsSingle(x)) ActivationLoops.Backward(activation, Rows<float>(x), Entries<float>(bias), Rows<float>(dy), Rows<float>(dx), Threads, ct);
        else ActivationLoops.Backward(activation, Rows<double>(x), Entries<double>(bias), Rows<double>(dy), Rows<double>(dx), Threads, ct);
    }

    /// <inheritdoc/>
    public void Gate(Activation activation, ITensor gate, ITensor up, ITensor y, CancellationToken ct = default)
    {
        RequireSameShape(gate, up);
        RequireSameShape(gate, y);
        if (IsSingle(gate)) ActivationLoops.Gate(activation, Rows<float>(gate), Rows<float>(up), Rows<float>(y), Threads, ct);
        else ActivationLoops.Gate(activation, Rows<double>(gate), Rows<double>(up), Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void GateBackward(Activation activation, ITensor gate, ITensor up, ITensor dy, ITensor dGate, ITensor dUp, CancellationToken ct = default)
    {
        RequireSameShape(gate, dUp);

        // dUp = f(gate) dy has the form of the gated product itself; dGate = (dy up) f'(gate).
        Gate(activation, gate, dy, dUp, ct);
        RequireSameShape(gate, dGate);
        Gate(Activation.None, dy, up, dGate, ct);
        ActivateBackward(activation, gate, null, dGate, dGate, ct);
    }

    /// <inheritdoc/>
    public void Normalize(Normalization kind, ITensor x, ITensor? weight, ITensor? bias, double epsilon, ITensor y, CancellationToken ct = default)
    {
        RequireSameShape(x, y);
        RequireColumnsOf(x, weight);
        RequireColumnsOf(x, bias);
        if (x.Length == 0) return;
        if (IsSingle(x)) NormalizationRows.Forward(kind, Rows<float>(x), Entries<float>(weight), Entries<float>(bias), (float)epsilon, Rows<float>(y), Threads, ct);
        else NormalizationRows.Forward(kind, Rows<double>(x), Entries<double>(weight), Entries<double>(bias), epsilon, Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void NormalizeBackward(Normalization kind, ITensor x, ITensor? weight, double epsilon, ITensor dy, ITensor dx, ITensor? weightGradient, ITensor? biasGradient, CancellationToken ct = default)
    {
        RequireSameShape(x, dy);
        RequireSameShape(x, dx);
        RequireColumnsOf(x, weight);
        RequireColumnsOf(x, weightGradient);
        RequireColumnsOf(x, biasGradient);
        if (x.Length == 0) return;
        if (IsSingle(x)) NormalizationRows.Backward(kind, Rows<float>(x), Entries<float>(weight), (float)epsilon, Rows<float>(dy), Rows<float>(dx), Entries<float>(weightGradient), Entries<float>(biasGradient), Threads, ct);
        else NormalizationRows.Backward(kind, Rows<double>(x), Entries<double>(weight), epsilon, Rows<double>(dy), Rows<double>(dx), Entries<double>(weightGradient), Entries<double>(biasGradient), Threads, ct);
    }

    /// <inheritdoc/>
    public void Gather(ITensor table, ReadOnlySpan<int> rows, ITensor y, CancellationToken ct = default)
    {
        int[] checkedRows = RequireTableRows(table, rows, y);
        if (IsSingle(table)) TableRows.Gather(Rows<float>(table), checkedRows, Rows<float>(y), Threads, ct);
        else TableRows.Gather(Rows<double>(table), checkedRows, Rows<double>(y), Threads, ct);
    }

    /// <inheritdoc/>
    public void ScatterAdd(ITensor x, ReadOnlySpan<int> rows, ITensor table, CancellationToken ct = default)
    {
        int[] checkedRows = RequireTableRows(table, rows, x);
        if (IsSingle(table)) TableRows.ScatterAdd(Rows<float>(x), checkedRows, Rows<float>(table), Threads, ct);
        else TableRows.ScatterAdd(Rows<double>(x), checkedRows, Rows<double>(table), Threads, ct);
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

    private static void RequireLength(ITensor x, long length)
    {
        if (x.Length != length) throw Mismatch($"{Text([.. x.Shape])} does not have {length} entries.");
    }

    private static void RequireColumnsOf(ITensor x, ITensor? vector)
    {
        RequireMatrix(x);
        if (vector is not null) RequireLength(vector, x.Shape[1]);
    }

    private static int[] RequireTableRows(ITensor table, ReadOnlySpan<int> rows, ITensor x)
    {
        RequireMatrix(table);
        RequireMatrix(x);
        if (x.Shape[0] != rows.Length || x.Shape[1] != table.Shape[1])
            throw Mismatch($"{rows.Length} rows of {Text([.. table.Shape])} are not {Text([.. x.Shape])}.");
        foreach (int row in rows)
        {
            if ((uint)row >= (uint)table.Shape[0])
                throw new LowRankToolsException("IndexOutOfRange", $"Row {row} is not among the {table.Shape[0]} rows of the table.", "Check the token ids against the vocabulary.");
        }

        return rows.ToArray();
    }
}
