using System.Buffers.Binary;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Gguf;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Onnx;
using LowRankTools.Formats.OnnxAdapters;
using LowRankTools.Formats.PyTorch;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Safetensors;
using LowRankTools.Formats.Sharding;
using LowRankTools.Formats.TensorFlowJs;

namespace LowRankTools.Formats.Opening;

/// <summary>Finds out what a file is, by its first bytes before its name, and opens it.</summary>
internal static class TensorFileOpener
{
    internal const int SniffBytes = 64;

    public static TensorFile Open(string path)
    {
        try
        {
            return QuantizedTensorFile.Of(OpenKnown(path));
        }
        catch (ModelFormatException e) when (e.File is null)
        {
            throw e.In(path);
        }
        catch (EndOfStreamException e)
        {
            throw new ModelFormatException(FormatErrors.HeaderTruncated, "The file ends inside its header.", path, inner: e);
        }
    }

    // A shard is a weight file, never another index.
    private static TensorFile OpenShard(string path)
    {
        TensorFile shard = OpenWeights(path);
        if (shard.Format is ModelFormat.Safetensors or ModelFormat.PyTorch)
            return shard;
        shard.Dispose();
        throw Unknown(path);
    }

    private static TensorFile OpenKnown(string path) =>
        path.EndsWith(ShardNames.IndexSuffix, StringComparison.OrdinalIgnoreCase) ? new ShardedTensorFile(path, ShardIndex.Read(path), () => new FileInfo(path).Length, OpenShard) : OpenWeights(path);

    private static TensorFile OpenWeights(string path)
    {
        byte[] head = new byte[SniffBytes];
        int length;
        using (ModelFileHandle file = new(path))
            length = file.ReadUpTo(0, head);
        if (length == 0)
            throw new ModelFormatException(FormatErrors.HeaderTruncated, "The file is empty.", path);
        return Sniff(head.AsSpan(0, length), path) switch
        {
            ModelFormat.Safetensors => new SafetensorsFile(path),
            ModelFormat.Gguf => new GgufFile(path),
            ModelFormat.Onnx => new OnnxFile(path),
            ModelFormat.TensorFlowJs => new TensorFlowJsFile(path),
            ModelFormat.OnnxAdapter => new OnnxAdapterFile(path),
            ModelFormat.PyTorch => new PyTorchFile(path),
            _ => throw Unknown(path),
        };
    }

    /// <summary>The format that the first bytes speak of; file extensions only decide where bytes cannot.</summary>
    internal static ModelFormat? Sniff(ReadOnlySpan<byte> head, string path)
    {
        string extension = Path.GetExtension(path).ToUpperInvariant();
        if (head.StartsWith("GGUF"u8))
            return ModelFormat.Gguf;
        if (head.Length >= 8 && head[4..].StartsWith(OnnxAdapterLayout.Identifier))
            return ModelFormat.OnnxAdapter;
        if (head.StartsWith("PK"u8))
            return ModelFormat.PyTorch;
        if (extension == ".SAFETENSORS" || LooksLikeSafetensors(head))
            return ModelFormat.Safetensors;
        if (extension == ".ONNX")
            return ModelFormat.Onnx;
        // A pickle of protocol 2 to 5 begins with PROTO; torch.save before 1.6 writes protocol 2.
        if (head.Length >= 2 && head[0] == 0x80 && head[1] is >= 2 and <= 5)
            return ModelFormat.PyTorch;
        if (LooksLikeOnnx(head))
            return ModelFormat.Onnx;
        return extension switch
        {
            // Any other JSON is told apart when it is read.
            ".JSON" => ModelFormat.TensorFlowJs,
            ".GGUF" => ModelFormat.Gguf,
            ".PT" or ".PTH" or ".BIN" or ".CKPT" => ModelFormat.PyTorch,
            _ => null,
        };
    }

    private static bool LooksLikeSafetensors(ReadOnlySpan<byte> head) =>
        head.Length >= 10
        && BinaryPrimitives.ReadUInt64LittleEndian(head) is >= 2 and <= SafetensorsConstants.MaxHeaderBytes
        && head[8] == (byte)'{';

    /// <summary>A ModelProto begins with its first field, ir_version (a small number), and one of the fields 2 to 8 or 14 follows.</summary>
    private static bool LooksLikeOnnx(ReadOnlySpan<byte> head) =>
        head.Length >= 3 && head[0] == 0x08 && head[1] is >= 1 and <= 32
        && head[2] is 0x12 or 0x1A or 0x22 or 0x28 or 0x32 or 0x3A or 0x42 or 0x72;

    private static ModelFormatException Unknown(string path) =>
        new(FormatErrors.UnknownFormat, "This is no model file that is read here.", path);
}
