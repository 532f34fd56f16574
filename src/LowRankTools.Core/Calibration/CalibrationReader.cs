using System.Runtime.InteropServices;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Calibration;

/// <summary>Reads one layer of a calibration file, shapes having been checked, and refuses what no inputs can have made.</summary>
internal sealed class CalibrationReader(TensorFile file, Dictionary<string, TensorInfo> parts, ITensorEngine engine, CancellationToken cancellationToken)
{
    /// <summary>Entries of one block of inputs.</summary>
    private const int BlockElements = 1 << 22;

    /// <summary>Most that entries (i, j) and (j, i) differ, and that |entry| exceeds the root of the diagonal's product, as a share of that root: rounding of small types.</summary>
    private const double Tolerance = 0.02;

    private double[]? _magnitudes;
    private double _count = 1;

    /// <summary>Reads all of it.</summary>
    public LayerCalibration Read()
    {
        (InputGrams inputs, InputGrams? heldOut) = Inputs();
        return new LayerCalibration
        {
            Inputs = inputs,
            HeldOut = heldOut ?? (parts.ContainsKey(CalibrationNames.HeldOut + CalibrationNames.Inputs) ? new InputGrams(OfInputs(Part(CalibrationNames.HeldOut + CalibrationNames.Inputs))) : null),
            Magnitudes = _magnitudes ?? [.. Enumerable.Range(0, inputs.Original.Size).Select(i => Math.Sqrt(inputs.Original.Entry(i) / _count))],
            Count = _count,
            OutputGradients = parts.TryGetValue(CalibrationNames.OutputGram, out TensorInfo? gradients) ? Symmetric(gradients) : null,
            Sensitivity = Sensitivity(),
        };
    }

    /// <summary>Reads the gradient at the weight, out x in.</summary>
    public Matrix<double> ReadWeightGradient() => Doubles(Part(CalibrationNames.WeightGradient));

    private double? Sensitivity()
    {
        if (!parts.TryGetValue(CalibrationNames.Sensitivity, out TensorInfo? tensor))
            return null;
        double value = Number(file, tensor);
        return value >= 0 && double.IsFinite(value) ? value : throw Invalid(file, tensor, "is no sensitivity: a number, not negative");
    }

    private (InputGrams Inputs, InputGrams? HeldOut) Inputs()
    {
        ReadCount();
        if (parts.TryGetValue(CalibrationNames.Gram, out TensorInfo? gram))
            return (Set(gram, ""), parts.TryGetValue(CalibrationNames.HeldOut + CalibrationNames.Gram, out TensorInfo? held) ? Set(held, CalibrationNames.HeldOut) : null);
        TensorInfo tensor = Part(CalibrationNames.Inputs);
        bool given = parts.ContainsKey(CalibrationNames.HeldOut + CalibrationNames.Gram) || parts.ContainsKey(CalibrationNames.HeldOut + CalibrationNames.Inputs);
        long kept = given ? 0 : tensor.Shape[0] / CalibrationFile.HeldOutShare;
        double[] magnitudes = new double[tensor.Shape[1]];
        InputGrams inputs = new(OfInputs(tensor, 0, tensor.Shape[0] - kept, magnitudes));
        (_magnitudes, _count) = (magnitudes, tensor.Shape[0] - kept);
        InputGrams? heldOut = parts.TryGetValue(CalibrationNames.HeldOut + CalibrationNames.Gram, out TensorInfo? heldGram) ? Set(heldGram, CalibrationNames.HeldOut)
            : kept > 0 ? new InputGrams(OfInputs(tensor, tensor.Shape[0] - kept, kept)) : null;
        return (inputs, heldOut);
    }

    private InputGrams Set(TensorInfo gram, string prefix)
    {
        if (!parts.TryGetValue(prefix + CalibrationNames.CrossGram, out TensorInfo? cross))
            return new InputGrams(Symmetric(gram));
        return new InputGrams(Symmetric(gram), Doubles(cross), Symmetric(Part(prefix + CalibrationNames.CompressedGram)));
    }

    private TensorInfo Part(string name) => parts[name];

    private void ReadCount()
    {
        if (!parts.TryGetValue(CalibrationNames.Count, out TensorInfo? tensor))
            return;
        _count = Number(file, tensor);
        if (!(_count > 0) || !double.IsFinite(_count))
            throw Invalid(file, tensor, "is no count: a number above 0");
    }

    private Gram OfInputs(TensorInfo tensor) => OfInputs(tensor, 0, tensor.Shape[0]);

    private Gram OfInputs(TensorInfo tensor, long first, long count, double[]? magnitudes = null)
    {
        int width = checked((int)tensor.Shape[1]), step = Math.Max(1, BlockElements / width);
        using ITensor sum = engine.Create(ElementType.Float64, width, width);
        for (long done = 0; done < count; done += step)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int rows = (int)Math.Min(step, count - done);
            using Matrix<float> block = Matrix<float>.Uninitialized(rows, width);
            file.ReadSingles(tensor, (first + done) * width, block.RowBlock(0, rows), cancellationToken);
            AddMagnitudes(block, tensor, count, magnitudes);
            using ITensor loaded = engine.Load(block.View), gram = engine.Gram(engine.Transpose(loaded), cancellationToken);
            engine.AddScaled(1, gram, 1, sum);
        }
        return Gram.Of(HostMatrix.Of(engine, sum));
    }

    private void AddMagnitudes(Matrix<float> block, TensorInfo tensor, long count, double[]? magnitudes)
    {
        for (int i = 0; i < block.Rows; i++)
        {
            ReadOnlySpan<float> row = block.Row(i);
            for (int j = 0; j < row.Length; j++)
            {
                if (!float.IsFinite(row[j]))
                    throw Invalid(file, tensor, "holds NaN or infinity");
                if (magnitudes is not null)
                    magnitudes[j] += Math.Abs((double)row[j]) / count;
            }
        }
    }

    private Gram Symmetric(TensorInfo tensor)
    {
        Matrix<double> matrix = Doubles(tensor);
        if (tensor.Shape.Length == 1)
        {
            using (matrix)
            {
                double[] diagonal = matrix.ToArray();
                return diagonal.All(d => d >= 0) ? Gram.Of(diagonal) : throw Invalid(file, tensor, "is no diagonal of a Gram matrix: it has negative entries");
            }
        }
        double[] roots = new double[matrix.Rows];
        for (int i = 0; i < roots.Length; i++)
            roots[i] = matrix[i, i] >= 0 ? Math.Sqrt(matrix[i, i]) : throw Invalid(file, tensor, "is no Gram matrix: its diagonal has negative entries");
        for (int i = 0; i < roots.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int j = 0; j < i; j++)
            {
                double lower = matrix[i, j], upper = matrix[j, i], bound = roots[i] * roots[j];
                if (Math.Abs(lower - upper) > Tolerance * bound)
                    throw Invalid(file, tensor, "is no Gram matrix: it is not symmetric");
                if (Math.Abs(lower) > (1 + Tolerance) * bound)
                    throw Invalid(file, tensor, "is no Gram matrix: an entry is larger than its row's and column's diagonal allow");
                matrix[i, j] = matrix[j, i] = (lower + upper) / 2;
            }
        }
        return Gram.Of(matrix);
    }

    /// <summary>The values in float64, a vector as one row; finite.</summary>
    private Matrix<double> Doubles(TensorInfo tensor)
    {
        int columns = checked((int)tensor.Shape[^1]);
        Matrix<double> matrix = Matrix<double>.Uninitialized(checked((int)(tensor.ElementCount / columns)), columns);
        float[] singles = tensor.DType == TensorDType.F64 ? [] : new float[columns];
        for (int i = 0; i < matrix.Rows; i++)
        {
            Span<double> row = matrix.Row(i);
            if (tensor.DType == TensorDType.F64)
                file.ReadBytes(tensor, (long)i * columns * sizeof(double), MemoryMarshal.AsBytes(row));
            else
                Widen(tensor, (long)i * columns, singles, row);
            foreach (double value in row)
            {
                if (!double.IsFinite(value))
                    throw Invalid(file, tensor, "holds NaN or infinity");
            }
        }
        return matrix;
    }

    private void Widen(TensorInfo tensor, long first, float[] singles, Span<double> row)
    {
        file.ReadSingles(tensor, first, singles, cancellationToken);
        for (int j = 0; j < row.Length; j++)
            row[j] = singles[j];
    }

    private static double Number(TensorFile file, TensorInfo tensor)
    {
        if (tensor.DType == TensorDType.F64)
        {
            Span<double> wide = [0];
            file.ReadBytes(tensor, 0, MemoryMarshal.AsBytes(wide));
            return wide[0];
        }
        Span<float> single = [0];
        file.ReadSingles(tensor, 0, single);
        return single[0];
    }

    private static ModelFormatException Invalid(TensorFile file, TensorInfo tensor, string problem) =>
        new(CoreErrors.CalibrationInvalid, $"'{tensor.Name}' {problem}.", file.Path, tensor.Name, "Collect it again; see docs/calibration.md.");
}
