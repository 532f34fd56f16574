using LowRankTools.Core.Engines.OnnxRuntime;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Quality.Graphs;

/// <summary>Sums over the samples of one output of two graphs.</summary>
/// <param name="name">Name of the output.</param>
internal sealed class OutputComparison(string name)
{
    private double _difference, _own, _reference, _product, _largestDifference, _largestValue;
    private long _rows, _agreeing;
    private string _shape = string.Empty;

    /// <summary>Adds a sample.</summary>
    /// <param name="own">What the model answers.</param>
    /// <param name="reference">What the reference answers.</param>
    /// <exception cref="LowRankToolsException"><c>GraphsDiffer</c>: other sizes; <c>NonFiniteValues</c>.</exception>
    public void Add(OnnxValue own, OnnxValue reference)
    {
        if (!own.Sizes.AsSpan().SequenceEqual(reference.Sizes))
        {
            throw new LowRankToolsException(CoreErrors.GraphsDiffer, $"The output '{name}' has the sizes {OnnxPort.Text(own.Sizes)}, and the reference's {OnnxPort.Text(reference.Sizes)}.",
                "Outputs whose sizes depend on values cannot be held against each other.");
        }
        _shape = OnnxPort.Text(own.Sizes);
        double[] x = Numbers(own), y = Numbers(reference);
        for (int i = 0; i < x.Length; i++)
        {
            double difference = x[i] - y[i];
            _difference += difference * difference;
            _own += x[i] * x[i];
            _reference += y[i] * y[i];
            _product += x[i] * y[i];
            _largestDifference = Math.Max(_largestDifference, Math.Abs(difference));
            _largestValue = Math.Max(_largestValue, Math.Abs(y[i]));
        }
        int width = own.Sizes.Length == 0 ? 1 : (int)own.Sizes[^1];
        if (width < 2)
            return;
        for (int row = 0; row < x.Length; row += width)
        {
            _rows++;
            if (Largest(x.AsSpan(row, width)) == Largest(y.AsSpan(row, width)))
                _agreeing++;
        }
    }

    /// <summary>The figures.</summary>
    public GraphOutputQuality Result() => new(name, _shape,
        _reference > 0 ? Math.Sqrt(_difference / _reference) : null,
        _reference > 0 && _own > 0 ? Math.Clamp(_product / Math.Sqrt(_own) / Math.Sqrt(_reference), -1, 1) : null,
        _largestDifference, _largestValue, _rows, _rows > 0 ? (double)_agreeing / _rows : null);

    /// <summary>Place of the largest number; the first of equal ones.</summary>
    public static int Largest(ReadOnlySpan<double> row)
    {
        int best = 0;
        for (int i = 1; i < row.Length; i++)
            best = row[i] > row[best] ? i : best;
        return best;
    }

    /// <summary>The elements of an output.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>.</exception>
    public double[] Numbers(OnnxValue value)
    {
        double[] numbers = value.Type == TensorDType.F64 ? System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(value.Bytes).ToArray() : Singles(value);
        return Array.TrueForAll(numbers, double.IsFinite) ? numbers
            : throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"The output '{name}' holds NaN or infinity.", "Give other inputs, or compare the weights, Compare-ModelWeight.");
    }

    private double[] Singles(OnnxValue value)
    {
        float[] values = new float[value.Count];
        TensorConversion.ToSingle(value.Type, value.Bytes, values, name);
        return Array.ConvertAll(values, v => (double)v);
    }
}
