using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Formats;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters;

/// <summary>Finds the modules of an adapter by the names and shapes of its tensors, and their scales.</summary>
internal sealed class AdapterReader
{
    // Beyond this no factor is a low-rank one, and memory would be asked for by a header's word alone.
    private const long MostRank = 1 << 16;

    private readonly ModelSource _source;
    private readonly TensorFile _file;
    private readonly double? _alpha;
    private readonly PeftConfig? _config;

    private AdapterReader(ModelSource source, TensorFile file, double? alpha)
    {
        _source = source;
        _file = file;
        _alpha = alpha;
        _config = PeftConfig.Beside(source.Path);
    }

    public static Adapter Open(ModelSource source, double? alpha)
    {
        if (alpha is { } given && !(double.IsFinite(given) && given != 0))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"An alpha of {given} is no scale.", "Give -Alpha a number other than zero.");
        TensorFile file = TensorFiles.Open(source.Path);
        try
        {
            if (LotrReader.Knows(file))
                return LotrReader.Read(Named(source), file, alpha);
            return new AdapterReader(Named(source), file, alpha).Read();
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>PEFT calls every adapter's file the same: the folder has the name.</summary>
    public static ModelSource Named(ModelSource source) =>
        source.Name == "adapter_model" && Path.GetFileName(Path.GetDirectoryName(source.Path)) is { Length: > 0 } folder ? source with { Name = folder } : source;

    private Adapter Read()
    {
        // In the order of the file, each module where its first tensor stands.
        Dictionary<string, Dictionary<AdapterPart, TensorInfo>> parts = new(StringComparer.Ordinal);
        Dictionary<string, bool> embeddings = new(StringComparer.Ordinal);
        List<string> order = [];
        List<TensorInfo> others = [];
        AdapterLayout? layout = null;
        foreach (TensorInfo tensor in AdapterTensors.Of(_file))
        {
            if (AdapterKey.OtherKind(tensor.Name) is { } kind)
                throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{_source.Path}: tensor '{tensor.Name}' is of a {kind} adapter, which is no product of two factors.", kind is "LoHa" or "LoKr" ? "Make plain LoRA of it with Convert-LoraAdapter." : "Have the program that made it convert it to plain LoRA first.");
            if (AdapterKey.Of(tensor.Name) is not { } key)
            {
                others.Add(tensor);
                continue;
            }
            layout ??= _file.Format == ModelFormat.OnnxAdapter ? AdapterLayout.OnnxRuntime : key.Layout;
            if (!parts.TryGetValue(key.Module, out Dictionary<AdapterPart, TensorInfo>? module))
            {
                parts[key.Module] = module = [];
                order.Add(key.Module);
            }
            if (!module.TryAdd(key.Part, tensor))
                throw Invalid(tensor, $"is a second {key.Part} of module '{key.Module}'");
            if (key.IsEmbedding)
                embeddings[key.Module] = true;
        }
        // A tensor that happens to be called alpha is no adapter.
        if (layout is not { } found || !parts.Values.Any(p => p.ContainsKey(AdapterPart.A) || p.ContainsKey(AdapterPart.B)))
            throw new LowRankToolsException(CoreErrors.NotAnAdapter, $"{_source.Path}: the file holds no low-rank pairs that are named as PEFT, kohya, loralib, llama.cpp, ONNX Runtime or LoTR name them.", "Name an adapter's weights or its folder.");
        if (found == AdapterLayout.Gguf)
            GgufAdapterKeys.Check(_file);
        List<AdapterModule> modules = [.. order.Select(name => Module(name, parts[name], embeddings.ContainsKey(name), found))];
        return new Adapter(_source, _file, _config, found, modules, others);
    }

    private AdapterModule Module(string name, Dictionary<AdapterPart, TensorInfo> parts, bool embedding, AdapterLayout layout)
    {
        TensorInfo a = Part(name, parts, AdapterPart.A), b = Part(name, parts, AdapterPart.B);
        TensorInfo? mid = parts.GetValueOrDefault(AdapterPart.Mid), magnitude = parts.GetValueOrDefault(AdapterPart.Magnitude);
        foreach (TensorInfo tensor in parts.Where(p => p.Key != AdapterPart.Alpha).Select(p => p.Value))
        {
            if (!tensor.DType.IsFloat() || tensor.ElementCount == 0 || tensor.ElementCount > int.MaxValue)
                throw Invalid(tensor, $"of type {tensor.DType} and shape {(Dimensions)tensor.Shape} is no factor");
        }
        bool turned = layout == AdapterLayout.Gguf && embedding;
        CheckShapes(a, b, mid, turned);
        int rank = (int)b.Shape[1];
        double scaling = Scaling(name, parts.GetValueOrDefault(AdapterPart.Alpha), rank, layout);
        if (!double.IsFinite(scaling))
            throw Invalid(a, "has a scale that is no number");
        if (magnitude is not null && (magnitude.ElementCount != b.Shape[0] || mid is not null || embedding))
            throw Invalid(magnitude, $"has shape {(Dimensions)magnitude.Shape}, which is no magnitude for each of {b.Shape[0]} outputs");
        return new AdapterModule(_file, name, a, b, scaling) { Mid = mid, Magnitude = magnitude, IsEmbedding = embedding, IsTurned = turned };
    }

    private void CheckShapes(TensorInfo a, TensorInfo b, TensorInfo? mid, bool turned)
    {
        if (a.Shape.Length is < 2 or > 5)
            throw Invalid(a, $"has shape {(Dimensions)a.Shape}, which is no factor's");
        if (b.Shape.Length != a.Shape.Length || b.Shape.Skip(2).Any(s => s != 1))
            throw Invalid(b, $"has shape {(Dimensions)b.Shape}, which does not follow A of shape {(Dimensions)a.Shape}");
        long inner = mid?.Shape is [.., _, _] ? mid.Shape[0] : a.Shape[turned ? 1 : 0];
        if (mid is not null && (mid.Shape.Length != a.Shape.Length || mid.Shape.Length < 3 || mid.Shape[1] != a.Shape[0] || a.Shape.Skip(2).Any(s => s != 1)))
            throw Invalid(mid, $"has shape {(Dimensions)mid.Shape}, which does not stand between the two factors");
        if (b.Shape[1] != inner)
            throw Invalid(b, $"has rank {b.Shape[1]} and '{a.Name}' has rank {inner}; packed adapters of several projections are not read");
        if (inner > MostRank)
            throw Invalid(b, $"has rank {inner}; {MostRank} is the most");
        long inputs = mid is null ? a.ElementCount / inner : a.Shape[1] * (mid.ElementCount / mid.Shape[0] / mid.Shape[1]);
        if (inputs > int.MaxValue || inner * inputs > int.MaxValue)
            throw Invalid(a, "is too large to be computed with");
    }

    private double Scaling(string name, TensorInfo? alpha, int rank, AdapterLayout layout)
    {
        if (alpha is not null)
            return Scalar(_source, _file, alpha) / rank;
        if (layout == AdapterLayout.Gguf)
            return GgufAdapterKeys.Scaling(_file, rank);
        // The file knows no scale: what a graph multiplies by has it inside.
        if (layout == AdapterLayout.OnnxRuntime)
            return 1;
        if (layout == AdapterLayout.Peft && _config is not null)
            return _config.Scaling(name, rank);
        // A kohya file without alpha means the rank itself.
        if (_alpha is { } given)
            return given / rank;
        return layout == AdapterLayout.Kohya ? 1 : throw new LowRankToolsException(CoreErrors.AdapterScalingUnknown,
            $"{_source.Path}: module '{name}' of rank {rank} has no scale: {(layout == AdapterLayout.Peft ? $"there is no {PeftConfig.FileName} beside the weights" : "a state dict of loralib says none")}.",
            "Give the alpha that it was trained with as -Alpha.");
    }

    /// <summary>A single number in an adapter.</summary>
    /// <exception cref="LowRankToolsException"><c>AdapterInvalid</c>.</exception>
    internal static double Scalar(ModelSource source, TensorFile file, TensorInfo tensor)
    {
        if (tensor.ElementCount != 1 || TensorDTypes.IsFloat(tensor.DType) == false && tensor.DType is not (TensorDType.I32 or TensorDType.I64))
            throw Invalid(source, tensor, $"of type {tensor.DType} and shape {(Dimensions)tensor.Shape} is no single number");
        if (tensor.DType is TensorDType.I32 or TensorDType.I64)
        {
            byte[] bytes = new byte[tensor.ByteLength];
            file.ReadBytes(tensor, 0, bytes);
            return tensor.DType == TensorDType.I32 ? System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(bytes) : System.Buffers.Binary.BinaryPrimitives.ReadInt64LittleEndian(bytes);
        }
        float[] value = new float[1];
        file.ReadSingles(tensor, 0, value);
        return float.IsFinite(value[0]) ? value[0] : throw Invalid(source, tensor, "is no number");
    }

    private TensorInfo Part(string name, Dictionary<AdapterPart, TensorInfo> parts, AdapterPart part) =>
        parts.TryGetValue(part, out TensorInfo? tensor) ? tensor : throw Invalid(parts.Values.First(), $"belongs to module '{name}', whose factor {part} is missing");

    private LowRankToolsException Invalid(TensorInfo tensor, string what) => Invalid(_source, tensor, what);

    private static LowRankToolsException Invalid(ModelSource source, TensorInfo tensor, string what) =>
        new(CoreErrors.AdapterInvalid, $"{source.Path}: tensor '{tensor.Name}' {what}.", "Take the adapter from its source again.");
}
