using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Networks.Modules;

/// <summary>
/// Makes the parameters of new modules: with a fresh start on an engine, as PyTorch's modules start, or as shapes only. The
/// same seed and the same order of modules give the same entries.
/// </summary>
public sealed class ParameterFactory
{
    private readonly INetworkEngine? _engine;
    private readonly ElementType _type;
    private ulong _seed;

    /// <summary>Creates parameters with entries.</summary>
    /// <param name="engine">Where they live.</param>
    /// <param name="seed">Chooses the random entries.</param>
    /// <param name="type">Type of the entries; float64 is for checking gradients.</param>
    public ParameterFactory(INetworkEngine engine, ulong seed = 0, ElementType type = ElementType.Float32) => (_engine, _seed, _type) = (engine, seed, type);

    private ParameterFactory()
    {
    }

    /// <summary>Parameters that know their shape only, to be counted, printed or loaded.</summary>
    public static ParameterFactory ShapesOnly { get; } = new();

    /// <summary>Entries uniform in [-<paramref name="bound"/>, <paramref name="bound"/>].</summary>
    public Parameter Uniform(double bound, params int[] shape) => Fill(shape, (random, values) =>
    {
        for (int i = 0; i < values.Length; i++) values[i] = (float)(((2 * random.NextDouble()) - 1) * bound);
    });

    /// <summary>Normal entries around 0.</summary>
    public Parameter Normal(double deviation, params int[] shape) => Fill(shape, (random, values) =>
    {
        random.FillGaussian(values);
        foreach (ref float value in values) value *= (float)deviation;
    });

    /// <summary>Every entry the same.</summary>
    public Parameter Constant(double value, params int[] shape) => Fill(shape, (_, values) => values.Fill((float)value));

    private Parameter Fill(int[] shape, Filler fill)
    {
        var parameter = new Parameter(shape);
        if (_engine is null) return parameter;
        int rows = shape.Length == 0 ? 1 : shape[0], columns = (int)(parameter.Length / Math.Max(1, rows));
        Matrix<float> matrix = Matrix<float>.Uninitialized(rows, columns);
        var random = new DeterministicRandom(_seed++);
        if (parameter.Length > 0) fill(random, matrix.RowBlock(0, rows));
        ITensor tensor = _engine.Adopt(matrix, shape);
        if (_type == ElementType.Float32)
        {
            parameter.Value = tensor;
            return parameter;
        }

        using (tensor) parameter.Value = _engine.Copy(tensor, _type);
        return parameter;
    }

    private delegate void Filler(DeterministicRandom random, Span<float> values);
}
