namespace LowRankTools.Formats.Writing;

/// <summary>The tensors that a writer was told of: they come in that order, each with as many bytes as its shape says.</summary>
/// <param name="tensors">Every tensor that will be written, in order.</param>
internal sealed class AnnouncedTensors(IReadOnlyList<TensorSpec> tensors)
{
    /// <summary>Tensors that were begun.</summary>
    public int Begun { get; private set; }

    /// <summary>Bytes that the last one lacks.</summary>
    public long Missing { get; private set; }

    /// <summary>Begins the next one.</summary>
    /// <exception cref="InvalidOperationException">It is not the next one, or the one before lacks bytes.</exception>
    public void Begin(TensorSpec tensor)
    {
        if (Missing != 0)
            throw new InvalidOperationException($"The tensor before '{tensor.Name}' lacks {Missing} bytes.");
        if (Begun == tensors.Count || tensors[Begun] is var next && (next.Name != tensor.Name || next.DType != tensor.DType || !next.Shape.SequenceEqual(tensor.Shape)))
            throw NotNext(tensor);
        Begun++;
        Missing = tensor.ByteLength;
    }

    /// <summary>Counts bytes that are about to be written.</summary>
    /// <exception cref="InvalidOperationException">They are more than the tensor has.</exception>
    public void Take(int bytes)
    {
        if (bytes > Missing)
            throw new InvalidOperationException($"{bytes - Missing} bytes more than the tensor's shape needs.");
        Missing -= bytes;
    }

    /// <summary>Checks that nothing is left to come.</summary>
    /// <exception cref="InvalidOperationException">Bytes or tensors are missing.</exception>
    public void RequireAll()
    {
        if (Missing != 0 || Begun < tensors.Count)
            throw Lacking();
    }

    /// <summary>The error of a tensor whose turn it is not.</summary>
    public static InvalidOperationException NotNext(TensorSpec tensor) => new($"Tensor '{tensor}' is not the next one that was announced.");

    /// <summary>The error of a file that is not complete.</summary>
    public InvalidOperationException Lacking() => new($"The file lacks {Missing} bytes of a tensor and {tensors.Count - Begun} tensors.");
}
