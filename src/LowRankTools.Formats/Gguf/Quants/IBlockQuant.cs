using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf.Quants;

/// <summary>
/// One block-quantised type. Implementations are empty structs, so that the loop over blocks is compiled once
/// for each with its decoder inlined.
/// </summary>
internal interface IBlockQuant
{
    /// <summary>The type that is decoded.</summary>
    static abstract TensorDType DType { get; }

    /// <summary>Decodes one block.</summary>
    /// <param name="block">Exactly the bytes of a block.</param>
    /// <param name="values">Exactly its elements.</param>
    static abstract void Decode(ReadOnlySpan<byte> block, Span<float> values);
}
