using LowRankTools.Formats.Files;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Remote;

namespace LowRankTools.Formats.Opening;

/// <summary>Opens models of every format that is read here.</summary>
public static class TensorFiles
{
    /// <summary>Opens a model file of any supported format.</summary>
    /// <param name="path">A weight file, a safetensors or PyTorch shard index, or a TensorFlow.js model.json.</param>
    /// <exception cref="ModelFormatException">The file is not a model, or is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static TensorFile Open(string path) => TensorFileOpener.Open(Path.GetFullPath(path));

    /// <summary>Opens a model on a server by its headers: safetensors, a safetensors shard index, or GGUF. The files are never downloaded.</summary>
    /// <param name="address">An address of https, or of http on this machine.</param>
    /// <param name="options">Time to wait, and a token; null for the defaults.</param>
    /// <exception cref="ModelFormatException">The address is refused, the server fails, or the file is no such model.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public static TensorFile OpenRemote(string address, RemoteOptions? options = null) => QuantizedTensorFile.Of(RemoteOpener.Open(address, options ?? new RemoteOptions()));
}
