using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters;

/// <summary>What a LoHa or LoKr adapter adds to one module.</summary>
internal abstract class ProductModule
{
    private readonly TensorFile _file;
    private readonly IReadOnlyDictionary<string, TensorInfo> _parts;

    protected ProductModule(TensorFile file, string name, IReadOnlyDictionary<string, TensorInfo> parts, double scaling)
    {
        _file = file;
        _parts = parts;
        Name = name;
        Scaling = scaling;
    }

    /// <summary>Name of the module that is adapted.</summary>
    public string Name { get; }

    /// <summary>What the product is multiplied by.</summary>
    public double Scaling { get; }

    /// <summary>Outputs.</summary>
    public abstract long OutFeatures { get; }

    /// <summary>Inputs, times the kernel's positions where the file does not say that there is a kernel.</summary>
    public abstract long[] Inputs { get; }

    /// <summary>Parameters of the factors.</summary>
    public long Parameters => _parts.Values.Sum(t => t.ElementCount);

    /// <summary>The best pair of few components.</summary>
    /// <param name="rank">How many.</param>
    /// <param name="inputs">Inputs as a weight stores them: (in), or (in, kernel).</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    /// <exception cref="LowRankToolsException"><c>NonFiniteValues</c>, and those of reading.</exception>
    public abstract ComputedModule Truncate(AdapterRank rank, long[] inputs, CancellationToken cancellationToken);

    /// <summary>Makes a module of its tensors.</summary>
    /// <param name="file">The adapter.</param>
    /// <param name="name">Name of the module.</param>
    /// <param name="kind">Which product.</param>
    /// <param name="parts">Tensors by what follows the module's name.</param>
    /// <param name="scaling">The scale, by the rank that the factors have: null where they have none.</param>
    /// <exception cref="LowRankToolsException"><c>AdapterInvalid</c>.</exception>
    public static ProductModule Of(TensorFile file, string name, ProductKind kind, IReadOnlyDictionary<string, TensorInfo> parts, Func<int?, double> scaling) =>
        kind == ProductKind.Hadamard ? HadamardModule.Of(file, name, parts, scaling) : KroneckerModule.Of(file, name, parts, scaling);

    protected TensorInfo? Part(string part) => _parts.GetValueOrDefault(part);

    /// <summary>Reads a factor as (first size) x (product of the others).</summary>
    protected Matrix<float> Read(string part, CancellationToken cancellationToken)
    {
        TensorInfo tensor = _parts[part];
        int rows = checked((int)tensor.Shape[0]);
        Matrix<float> matrix = Matrix<float>.Uninitialized(rows, checked((int)(tensor.ElementCount / rows)));
        _file.ReadSingles(tensor, 0, matrix.RowBlock(0, rows), cancellationToken);
        if (double.IsFinite(Norms.FrobeniusSquared(matrix.View, null, cancellationToken)))
            return matrix;
        matrix.Dispose();
        throw new LowRankToolsException(CoreErrors.NonFiniteValues, $"{_file.Path}: tensor '{tensor.Name}' holds NaN or infinity.", "Train the adapter again, or use an earlier checkpoint of it.");
    }

    protected ComputedModule Computed(AdapterFactors factors, int rankBefore, double norm, double error) => new(factors, new AdapterModuleResult
    {
        Name = Name, Shape = [factors.B.Rows, .. factors.Inputs], RankBefore = rankBefore, Rank = factors.Rank, Norm = norm, RelativeError = error,
    });

    protected static LowRankToolsException Invalid(TensorFile file, string name, string what) =>
        new(CoreErrors.AdapterInvalid, $"{file.Path}: module '{name}' {what}.", "Take the adapter from its source again.");
}
