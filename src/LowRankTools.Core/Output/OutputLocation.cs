using LowRankTools.Core.Models;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Output;

/// <summary>
/// Where a written model goes. A path that ends like a weight file is that file; any other path is a folder in which
/// each model gets a folder of its own name; no path means a folder beside the source.
/// </summary>
/// <param name="Folder">Folder of all files written.</param>
/// <param name="WeightsPath">Full path of the weights; shards and index take their names from it.</param>
/// <param name="RecordPath">Full path of the record beside them.</param>
/// <param name="OwnFolder">Whether the folder is this model's alone, so that its configuration belongs there too.</param>
public sealed record OutputLocation(string Folder, string WeightsPath, string RecordPath, bool OwnFolder)
{
    /// <summary>What locks and temporary files of a model with a folder of its own are called after; others put the model's name in front.</summary>
    internal const string OwnKey = "lowrank";

    /// <summary>What the JSON of a TensorFlow.js model is called.</summary>
    internal const string TensorFlowJsName = "model.json";

    private static readonly HashSet<string> s_onlyRead = new([".json", ".ckpt"], StringComparer.OrdinalIgnoreCase);

    /// <summary>What this output's lock and temporary files are called after: outputs that share a file share it.</summary>
    internal string Key => Path.GetFileNameWithoutExtension(RecordPath);

    /// <summary>Resolves a location.</summary>
    /// <param name="outputPath">What the user asked for; null for a folder beside the source.</param>
    /// <param name="source">The model that is read.</param>
    /// <param name="format">Format that is written.</param>
    /// <param name="suffix">Added to the model's name where no path was given, such as <c>-lowrank</c>.</param>
    /// <exception cref="LowRankToolsException"><c>OutputFormatNotWritten</c>, <c>OutputNotWritable</c>: the path is a file of another kind.</exception>
    public static OutputLocation Resolve(string? outputPath, ModelSource source, ModelFormat format, string suffix)
    {
        if (outputPath is not null && IsFile(outputPath))
        {
            string file = Path.GetFullPath(outputPath);
            string record = Path.Combine(Path.GetDirectoryName(file)!, $"{Path.GetFileNameWithoutExtension(file)}.{FactorizationRecord.FileName}");
            return new OutputLocation(Path.GetDirectoryName(file)!, file, record, OwnFolder: false);
        }
        if (outputPath is not null)
            CheckFolder(outputPath);
        string folder = outputPath is null ? Beside(source, suffix) : Path.Combine(Path.GetFullPath(outputPath), source.Name);
        string weights = format switch { ModelFormat.PyTorch => "pytorch_model.bin", ModelFormat.Onnx => "model.onnx", ModelFormat.Gguf => "model.gguf", ModelFormat.TensorFlowJs => TensorFlowJsName, _ => "model.safetensors" };
        return new OutputLocation(folder, Path.Combine(folder, weights), Path.Combine(folder, FactorizationRecord.FileName), OwnFolder: true);
    }

    /// <summary>Whether a path names a weight file rather than a folder.</summary>
    public static bool IsFile(string path) => FormatOf(path) is not null;

    /// <summary>The format that a weight file's name asks for; null for a folder.</summary>
    public static ModelFormat? FormatOf(string path) => Path.GetExtension(path).ToUpperInvariant() switch
    {
        ".SAFETENSORS" => ModelFormat.Safetensors,
        ".ONNX" => ModelFormat.Onnx,
        ".GGUF" => ModelFormat.Gguf,
        ".ONNX_ADAPTER" => ModelFormat.OnnxAdapter,
        ".PT" or ".PTH" or ".BIN" => ModelFormat.PyTorch,
        // Of JSON only the name that every reader of such models looks for.
        ".JSON" when ModelFileNames.IsTensorFlowJs(path) => ModelFormat.TensorFlowJs,
        _ => null,
    };

    private static void CheckFolder(string path)
    {
        const string Remedy = "Choose a folder, or a file that ends in .safetensors, .gguf, .onnx, .pt, .pth or .bin, as -OutputPath; of a TensorFlow.js graph, model.json.";
        if (File.Exists(path))
            throw new LowRankToolsException(CoreErrors.OutputNotWritable, $"{Path.GetFullPath(path)}: this is a file and no folder.", Remedy);
        if (!Directory.Exists(path) && s_onlyRead.Contains(Path.GetExtension(path)))
            throw new LowRankToolsException(CoreErrors.OutputFormatNotWritten, $"{Path.GetFullPath(path)}: {Path.GetExtension(path)} files are read and not written.", Remedy);
    }

    private static string Beside(ModelSource source, string suffix)
    {
        string folder = Path.GetDirectoryName(source.Path)!;
        // A model that is called after its folder is the folder: its output goes beside that.
        bool isFolder = ModelFileNames.SharedStem(source.Path).Length == 0 && Path.GetDirectoryName(folder) is not null;
        return Path.Combine(isFolder ? Path.GetDirectoryName(folder)! : folder, source.Name + suffix);
    }
}
