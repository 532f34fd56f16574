using LowRankTools.Core.Adapters;
using LowRankTools.Core.Layers;

namespace LowRankTools.Core.Counting;

/// <summary>Parameters and bytes of one model, counted from its headers.</summary>
public sealed record ParameterCount
{
    /// <summary>Full path of the model, or its address: binds to the next cmdlet's -LiteralPath.</summary>
    public required string Path { get; init; }

    /// <summary>Name of the model.</summary>
    public required string Name { get; init; }

    /// <summary>File format.</summary>
    public required string Format { get; init; }

    /// <summary>Elements of all tensors, buffers included, shared storage once, quantised elements logically.</summary>
    public required long Parameters { get; init; }

    /// <summary>Those that training would change: all but buffers.</summary>
    public required long TrainableParameters { get; init; }

    /// <summary>Elements that appear again under another name and were not counted again.</summary>
    public required long TiedParameters { get; init; }

    /// <summary>Tensors in the file, aliases included.</summary>
    public required int Tensors { get; init; }

    /// <summary>Linear, packed-attention, embedding, convolution and recurrent weights among them.</summary>
    public required int Layers { get; init; }

    /// <summary>Bytes of the model's files, on disk or on their server.</summary>
    public required long Bytes { get; init; }

    /// <summary>Bytes of all tensors as stored: what the weights need in memory to run.</summary>
    public required long RunBytes { get; init; }

    /// <summary>Bytes to run with every real-valued tensor as float16, the others as stored.</summary>
    public required long RunBytesFloat16 { get; init; }

    /// <summary>
    /// Bytes to train with Adam in float32: weight, gradient and two moments for each trainable parameter (16 bytes), four
    /// bytes for the others; activations come on top.
    /// </summary>
    public required long TrainBytesAdam { get; init; }

    /// <summary>What there is to say of an adapter (LoRA); null for a model.</summary>
    public AdapterSummary? Adapter { get; init; }

    /// <summary>Bytes that came over the network to count a model on a server; null for one on this machine.</summary>
    public long? TransferredBytes { get; init; }

    /// <summary>Parameters by element type.</summary>
    public required IReadOnlyDictionary<string, long> ByDType { get; init; }

    /// <summary>Parameters by layer kind.</summary>
    public required IReadOnlyDictionary<string, long> ByKind { get; init; }

    /// <summary>What to know about how the model was found; null where there is nothing to say.</summary>
    public string? Note { get; init; }

    /// <summary>Every tensor, where details were asked for; null otherwise.</summary>
    public IReadOnlyList<LayerShape>? LayerShapes { get; init => field = value is null ? null : new ShownList<LayerShape>(value); }

    /// <summary>The path: what takes models takes this.</summary>
    public override string ToString() => Path;
}
