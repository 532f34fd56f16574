using System.Globalization;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>An opened LoHa or LoKr adapter, as LyCORIS and PEFT write them: its modules, from headers alone.</summary>
internal sealed class ProductAdapter : IDisposable
{
    private static readonly (string Part, ProductKind Kind)[] s_parts =
    [
        ("hada_w1_a", ProductKind.Hadamard), ("hada_w1_b", ProductKind.Hadamard), ("hada_w2_a", ProductKind.Hadamard), ("hada_w2_b", ProductKind.Hadamard),
        ("hada_t1", ProductKind.Hadamard), ("hada_t2", ProductKind.Hadamard),
        ("lokr_w1", ProductKind.Kronecker), ("lokr_w1_a", ProductKind.Kronecker), ("lokr_w1_b", ProductKind.Kronecker),
        ("lokr_w2", ProductKind.Kronecker), ("lokr_w2_a", ProductKind.Kronecker), ("lokr_w2_b", ProductKind.Kronecker), ("lokr_t2", ProductKind.Kronecker),
    ];

    private readonly PeftConfig? _config;
    private readonly double? _alpha;

    private ProductAdapter(ModelSource source, TensorFile file, double? alpha)
    {
        Source = source;
        File = file;
        _alpha = alpha;
        _config = PeftConfig.Beside(source.Path, ofProducts: true);
        Modules = Read();
    }

    /// <summary>Where the adapter was found.</summary>
    public ModelSource Source { get; }

    /// <summary>The opened file.</summary>
    public TensorFile File { get; }

    /// <summary>What is adapted, in the order of the file.</summary>
    public IReadOnlyList<ProductModule> Modules { get; }

    /// <summary>Element type of the first factor, where it can be written.</summary>
    public TensorDType WritableDType => OutputTypes.Factor(File.Tensors[0].DType, null);

    /// <summary>Whether PEFT wrote it.</summary>
    public bool IsPeft => _config is not null;

    /// <summary>Every file that the adapter is read from.</summary>
    public IEnumerable<string> Files => _config is null ? File.Files : [.. File.Files, Path.Combine(Path.GetDirectoryName(Source.Path)!, PeftConfig.FileName)];

    /// <summary>Opens an adapter; null where the file holds no such products.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterInvalid</c>, <c>AdapterUnsupported</c>, <c>AdapterScalingUnknown</c>, <c>AdapterPartNotCarried</c>, <c>ConfigInvalid</c>.</exception>
    public static ProductAdapter? Open(ModelSource source, double? alpha)
    {
        TensorFile file = TensorFiles.Open(source.Path);
        try
        {
            if (file.Tensors.Any(t => PartOf(t.Name) is not null))
                return new ProductAdapter(AdapterReader.Named(source), file, alpha);
            file.Dispose();
            return null;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();

    private List<ProductModule> Read()
    {
        Dictionary<string, Dictionary<string, TensorInfo>> modules = new(StringComparer.Ordinal);
        Dictionary<string, TensorInfo> alphas = new(StringComparer.Ordinal);
        List<string> order = [];
        foreach (TensorInfo tensor in File.Tensors)
        {
            if (tensor.Name.EndsWith(".alpha", StringComparison.Ordinal))
            {
                alphas[AdapterKey.WithoutPrefix(tensor.Name[..^".alpha".Length])] = tensor;
                continue;
            }
            if (PartOf(tensor.Name) is not { } part)
                throw new LowRankToolsException(CoreErrors.AdapterPartNotCarried, $"{Source.Path}: tensor '{tensor.Name}' is no factor of a product and would be lost.", "Merge the adapter with the program that made it, or remove the tensor if it is not wanted.");
            if (!tensor.DType.IsFloat() || tensor.ElementCount is 0 or > int.MaxValue || tensor.Shape.Length is < 2 or > 5)
                throw new LowRankToolsException(CoreErrors.AdapterInvalid, $"{Source.Path}: tensor '{tensor.Name}' of type {tensor.DType} and shape {(Dimensions)tensor.Shape} is no factor.", "Take the adapter from its source again.");
            string module = AdapterKey.WithoutPrefix(tensor.Name[..^(part.Length + 1)]);
            if (!modules.TryGetValue(module, out Dictionary<string, TensorInfo>? parts))
            {
                modules[module] = parts = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
                order.Add(module);
            }
            parts[part] = tensor;
        }
        return [.. order.Select(name => Module(name, modules[name], alphas.GetValueOrDefault(name)))];
    }

    private ProductModule Module(string name, Dictionary<string, TensorInfo> parts, TensorInfo? alpha)
    {
        ProductKind[] kinds = [.. parts.Keys.Select(part => Array.Find(s_parts, p => p.Part == part).Kind).Distinct()];
        if (kinds.Length > 1)
            throw new LowRankToolsException(CoreErrors.AdapterInvalid, $"{Source.Path}: module '{name}' has factors of two kinds of products.", "Take the adapter from its source again.");
        ProductModule module = ProductModule.Of(File, name, kinds[0], parts, rank => Scaling(name, kinds[0], alpha, rank));
        long inputs = module.Inputs.Aggregate(1L, (n, i) => n * i);
        return module.OutFeatures <= int.MaxValue && inputs <= int.MaxValue ? module
            : throw new LowRankToolsException(CoreErrors.AdapterInvalid, $"{Source.Path}: module '{name}' is too large to be computed with.", "Take the adapter from its source again.");
    }

    // LyCORIS: alpha over the rank of the factors, and 1 where no matrix has any. PEFT says both in its configuration.
    private double Scaling(string name, ProductKind kind, TensorInfo? alpha, int? rank)
    {
        double scale = 1;
        if (alpha is not null && rank is { } own)
            scale = AdapterReader.Scalar(Source, File, alpha) / own;
        else if (alpha is null && _alpha is { } given && rank is { } inner)
            scale = given / inner;
        else if (alpha is null && _config is not null)
            scale = _config.Scaling(name, rank);
        if (kind == ProductKind.Kronecker && _config is not null && _alpha is null && scale != 1)
        {
            throw new LowRankToolsException(CoreErrors.AdapterScalingUnknown,
                string.Create(CultureInfo.InvariantCulture, $"{Source.Path}: module '{name}' has a scale of {scale} by its configuration, which some versions of PEFT apply to LoKr and others do not."),
                "Say which alpha it was trained with as -Alpha.");
        }
        return double.IsFinite(scale) ? scale : throw new LowRankToolsException(CoreErrors.AdapterInvalid, $"{Source.Path}: module '{name}' has a scale that is no number.", "Take the adapter from its source again.");
    }

    private static string? PartOf(string tensor) => tensor.LastIndexOf('.') is > 0 and var dot && Array.Exists(s_parts, p => tensor.AsSpan(dot + 1).SequenceEqual(p.Part)) ? tensor[(dot + 1)..] : null;
}
