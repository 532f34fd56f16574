using System.Collections.Frozen;

namespace LowRankTools.Core.Models;

/// <summary>How model files are named in the wild.</summary>
internal static class ModelFileNames
{
    /// <summary>Ending of the name of a sharded model's index.</summary>
    public const string IndexSuffix = ".index.json";

    /// <summary>Ending of ONNX Runtime's adapters.</summary>
    public const string OnnxAdapterExtension = ".onnx_adapter";
    // All of PEFT's adapters are called so, and beside a model in the same folder it is another one.
    private const string PeftStem = "adapter_model";

    private static readonly FrozenSet<string> s_weightExtensions =
        FrozenSet.Create(StringComparer.OrdinalIgnoreCase, ".safetensors", ".pt", ".pth", ".bin", ".ckpt", ".onnx", ".gguf", OnnxAdapterExtension);

    private static readonly FrozenSet<string> s_pyTorchExtensions =
        FrozenSet.Create(StringComparer.OrdinalIgnoreCase, ".pt", ".pth", ".bin", ".ckpt");

    /// <summary>Stems that say nothing about the model: its folder's name does.</summary>
    private static readonly FrozenSet<string> s_plainStems = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "model", "pytorch_model", "diffusion_pytorch_model", "consolidated", "weights");

    /// <summary>Folders that a build makes in every package: the package's name says more.</summary>
    private static readonly FrozenSet<string> s_plainFolders = FrozenSet.Create(StringComparer.OrdinalIgnoreCase, "dist", "build", "lib", "public", "assets");

    /// <summary>What training leaves beside a model: optimizer state, not weights.</summary>
    private static readonly FrozenSet<string> s_trainingLeftovers = FrozenSet.Create(StringComparer.OrdinalIgnoreCase,
        "optimizer.pt", "optimizer.bin", "scheduler.pt", "scheduler.bin", "training_args.bin", "rng_state.pth", "scaler.pt");

    /// <summary>Whether a folder's listing should take the file for a model.</summary>
    public static bool LooksLikeModel(string path)
    {
        string name = Path.GetFileName(path);
        if (name.StartsWith('.') || s_trainingLeftovers.Contains(name))
            return false;
        return IsIndex(path) || IsTensorFlowJs(path) || s_weightExtensions.Contains(Path.GetExtension(path));
    }

    /// <summary>Whether the file is the index of a sharded model.</summary>
    public static bool IsIndex(string path) =>
        path.EndsWith(".safetensors" + IndexSuffix, StringComparison.OrdinalIgnoreCase)
        || path.EndsWith(".bin" + IndexSuffix, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether the file is a TensorFlow.js model by its name.</summary>
    public static bool IsTensorFlowJs(string path) =>
        Path.GetFileName(path).Equals("model.json", StringComparison.OrdinalIgnoreCase);

    public static bool IsSafetensors(string path) =>
        WithoutIndex(path).EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);

    public static bool IsPyTorch(string path) => s_pyTorchExtensions.Contains(Path.GetExtension(WithoutIndex(path)));

    /// <summary>
    /// The name that two formats of one model share: <c>model.safetensors</c> and <c>pytorch_model.bin</c> both give
    /// the empty name, <c>a.safetensors</c> and <c>a.pt</c> both give <c>a</c>.
    /// </summary>
    public static string SharedStem(string path)
    {
        string stem = Path.GetFileNameWithoutExtension(WithoutIndex(path));
        return s_plainStems.Contains(stem) ? "" : stem;
    }

    /// <summary>Name of the model for people; of an adapter in PEFT's folder of two files the folder's.</summary>
    public static string ModelName(string path)
    {
        string stem = SharedStem(path);
        return stem.Length > 0 && !stem.Equals(PeftStem, StringComparison.OrdinalIgnoreCase) ? stem : FolderName(Path.GetDirectoryName(path)) ?? "model";
    }

    private static string? FolderName(string? folder)
    {
        string? nearest = null;
        for (; Path.GetFileName(folder) is { Length: > 0 } name; folder = Path.GetDirectoryName(folder))
        {
            nearest ??= name;
            if (!s_plainFolders.Contains(name))
                return name;
        }
        return nearest;
    }

    private static string WithoutIndex(string path) => IsIndex(path) ? path[..^IndexSuffix.Length] : path;
}
