using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Storage;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>An opened low-rank adapter: its modules, from headers alone. Values are read when they are asked for.</summary>
public sealed class Adapter : IDisposable
{
    private readonly PeftConfig? _config;

    internal Adapter(ModelSource source, TensorFile file, PeftConfig? config, AdapterLayout layout, IReadOnlyList<AdapterModule> modules, IReadOnlyList<TensorInfo> others)
    {
        Source = source;
        File = file;
        _config = config;
        Layout = layout;
        Modules = modules;
        Others = others;
    }

    /// <summary>Where the adapter was found.</summary>
    public ModelSource Source { get; }

    /// <summary>The opened file.</summary>
    public TensorFile File { get; }

    /// <summary>How the file names its tensors.</summary>
    public AdapterLayout Layout { get; }

    /// <summary>Architecture of the base model, which GGUF adapters name; null for others.</summary>
    internal string? Architecture => Layout == AdapterLayout.Gguf ? File.Metadata.GetValueOrDefault(GgufAdapterKeys.Architecture) : null;

    /// <summary>What is adapted, in the order of the file.</summary>
    public IReadOnlyList<AdapterModule> Modules { get; }

    /// <summary>Tensors that are no part of a pair: trained biases, modules that were saved whole.</summary>
    public IReadOnlyList<TensorInfo> Others { get; }

    /// <summary>Whether the adapter says that weights are stored (in, out).</summary>
    public bool FanInFanOut => _config?.FanInFanOut ?? false;

    /// <summary>What its configuration says beside ranks.</summary>
    internal IEnumerable<(string Field, string Value)> Notes => _config?.Kept ?? [];

    /// <summary>Parameters of all factors, magnitudes too; shared ones once.</summary>
    public long Parameters => Modules.SelectMany(m => new[] { m.A, m.B, m.Mid, m.Core, m.Magnitude }).OfType<TensorInfo>().Distinct().Sum(t => t.ElementCount);

    /// <summary>Element type of the first factor, where it can be written; else what holds all that cannot.</summary>
    internal TensorDType WritableDType => OutputTypes.Factor(Modules[0].A.DType, null);

    /// <summary>Every file that the adapter is read from.</summary>
    internal IEnumerable<string> Files =>
        _config is null ? File.Files : [.. File.Files, System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Source.Path)!, PeftConfig.FileName)];

    /// <summary>Opens an adapter.</summary>
    /// <param name="source">Its weights, as <see cref="ModelLocator"/> finds them.</param>
    /// <param name="alpha">Numerator of the scale for adapters that do not say theirs; null for none.</param>
    /// <exception cref="LowRankToolsException"><c>NotAnAdapter</c>, <c>AdapterInvalid</c>, <c>AdapterScalingUnknown</c>,
    /// <c>AdapterUnsupported</c>, <c>ConfigInvalid</c>, and those of <see cref="FormatErrors"/>.</exception>
    public static Adapter Open(ModelSource source, double? alpha = null) => AdapterReader.Open(source, alpha);

    /// <summary>Refuses parts that an operation on pairs would lose.</summary>
    /// <param name="withMagnitudes">Whether DoRA's magnitudes are such a part.</param>
    /// <exception cref="LowRankToolsException"><c>AdapterPartNotCarried</c>.</exception>
    internal void RefuseOthers(bool withMagnitudes)
    {
        TensorInfo? part = Others.Count > 0 ? Others[0] : withMagnitudes ? Modules.FirstOrDefault(m => m.Magnitude is not null)?.Magnitude : null;
        if (part is null)
            return;
        string what = Others.Count == 0 ? "a DoRA magnitude" : part.Name.EndsWith("bias", StringComparison.Ordinal) ? "a trained bias" : "saved whole beside the pairs";
        throw new LowRankToolsException(CoreErrors.AdapterPartNotCarried, $"{Source.Path}: tensor '{part.Name}' is {what} and would be lost.",
            "Merge the adapter with the program that made it, or remove the tensor if it is not wanted.");
    }

    /// <inheritdoc/>
    public void Dispose() => File.Dispose();
}
