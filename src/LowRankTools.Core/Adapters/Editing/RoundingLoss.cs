using LowRankTools.Core.Storage;
using LowRankTools.Formats.Conversion;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>Adds up what element types round off.</summary>
internal sealed class RoundingLoss
{
    private double _lost, _whole;

    /// <summary>||stored - W|| / ||W|| over everything added; zero for nothing.</summary>
    public double Relative => _whole == 0 ? 0 : Math.Sqrt(_lost / _whole);

    /// <summary>Adds a matrix that will be stored in a type.</summary>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, <c>ValuesOverflow</c>.</exception>
    public void Add(Matrix<float> matrix, TensorDType dtype, string what)
    {
        _whole += Norms.FrobeniusSquared(matrix.View);
        if (!StoredType.Rounds(dtype))
            return;
        byte[] bytes = new byte[dtype.ByteLength(matrix.Columns)];
        float[] stored = new float[matrix.Columns];
        for (int i = 0; i < matrix.Rows; i++)
        {
            Span<float> row = matrix.Row(i);
            StoredType.EncodeComputed(dtype, row, bytes, what);
            TensorConversion.ToSingle(dtype, bytes, stored, what);
            for (int j = 0; j < stored.Length; j++)
                _lost += ((double)stored[j] - row[j]) * ((double)stored[j] - row[j]);
        }
    }
}
