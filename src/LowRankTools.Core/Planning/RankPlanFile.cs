using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Records;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning;

/// <summary>
/// Plans as JSON, one layer a line, so that they can be read, compared and edited; <c>docs/rank-plan.schema.json</c> says what is
/// in it. Of what is read, names, kinds, shapes, ties, types and ranks count; every figure that follows from those is
/// computed again, so that a rank that was changed by hand is honoured in all of them.
/// </summary>
public static class RankPlanFile
{
    /// <summary>Ends the names of plan files that are named by this program.</summary>
    public const string Extension = ".plan.json";

    private const int MaxBytes = 100_000_000;

    private static readonly JsonSerializerOptions s_options = new()
    {
        Converters = { Names<Weighting>(), Names<SpectrumOrigin>(), Names<KeepReason>(), Names<LayerKind>(), Names<CalibrationMode>(), Names<QualityMeasure>(), Names<WeightQuantization>() },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = 8,
        AllowDuplicateProperties = false,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    private static readonly PlanJson s_json = new(new JsonSerializerOptions(s_options)), s_indented = new(new JsonSerializerOptions(s_options) { WriteIndented = true, NewLine = "\n" });

    /// <summary>The plan on one line.</summary>
    public static string ToLine(RankPlan plan) => JsonSerializer.Serialize(PlanDocument.Of(plan), s_json.PlanDocument);

    /// <summary>The plan on one line without what is of one machine only: paths, and the time of a measurement.</summary>
    internal static string ToLineWithoutPath(RankPlan plan) => JsonSerializer.Serialize(PlanDocument.Of(plan) with { Path = null, Calibration = null, Measurement = null }, s_json.PlanDocument);

    /// <summary>The plan as a file for people: one layer a line.</summary>
    public static byte[] ToFile(RankPlan plan)
    {
        PlanDocument document = PlanDocument.Of(plan);
        string head = JsonSerializer.Serialize(document with { Layers = [] }, s_indented.PlanDocument);
        int at = head.LastIndexOf("[]", StringComparison.Ordinal);
        string layers = string.Join(",\n    ", document.Layers.Select(l => JsonSerializer.Serialize(l, s_json.PlanDocumentLayer)));
        return Encoding.UTF8.GetBytes(layers.Length == 0 ? head + "\n" : $"{head[..at]}[\n    {layers}\n  ]{head[(at + 2)..]}\n");
    }

    /// <summary>Writes a file whole or not at all.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="path">Full path.</param>
    /// <param name="force">Whether a file that is there is replaced.</param>
    /// <exception cref="LowRankToolsException"><c>OutputExists</c>, <c>OutputNotWritable</c>.</exception>
    public static void Write(RankPlan plan, string path, bool force)
    {
        if (Directory.Exists(path))
            throw new LowRankToolsException(CoreErrors.OutputNotWritable, $"{path}: this is a folder.", "Name a file.");
        if (File.Exists(path) && !force)
            throw new LowRankToolsException(CoreErrors.OutputExists, $"{path}: the file exists.", "Replace it with -Force, or choose another -OutputPath.");
        try
        {
            string folder = Path.GetDirectoryName(path)!;
            Directory.CreateDirectory(folder);
            using TemporaryFile file = new(folder);
            file.Append(ToFile(plan));
            file.Flush();
            file.MoveTo(path, force);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new LowRankToolsException(CoreErrors.OutputNotWritable, $"{path}: {e.Message}", "Choose another -OutputPath.", e);
        }
    }

    /// <summary>Reads a plan.</summary>
    /// <param name="path">Full path of a file that <see cref="Write"/> or <c>lowrank plan --json</c> made, edited perhaps.</param>
    /// <exception cref="LowRankToolsException"><c>PlanInvalid</c>, <c>PathNotFound</c>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static RankPlan Read(string path)
    {
        if (!File.Exists(path))
            throw new LowRankToolsException(CoreErrors.PathNotFound, $"{path}: there is no such file.", "Check the path.");
        return Parse(RegularFile.ReadAllBytes(path, MaxBytes) ?? throw Invalid(path, $"it is larger than {MaxBytes} bytes"), path);
    }

    /// <summary>Reads a plan from its bytes.</summary>
    /// <param name="json">UTF-8, with or without a byte order mark.</param>
    /// <param name="path">What to call it in errors.</param>
    /// <exception cref="LowRankToolsException"><c>PlanInvalid</c>.</exception>
    public static RankPlan Parse(ReadOnlySpan<byte> json, string path)
    {
        ReadOnlySpan<byte> mark = [0xEF, 0xBB, 0xBF];
        try
        {
            PlanDocument document = JsonSerializer.Deserialize(json.StartsWith(mark) ? json[mark.Length..] : json, s_json.PlanDocument)
                ?? throw Invalid(path, "it holds nothing");
            return document.ToPlan(problem => Invalid(path, problem));
        }
        catch (JsonException e)
        {
            throw Invalid(path, e.Message, e);
        }
        catch (OverflowException e)
        {
            throw Invalid(path, "its sizes are too large", e);
        }
    }

    private static JsonStringEnumConverter<T> Names<T>()
        where T : struct, Enum => new(); // numbers too: PowerShell's ConvertTo-Json knows no names

    private static LowRankToolsException Invalid(string path, string problem, Exception? inner = null) =>
        new(CoreErrors.PlanInvalid, $"{path}: this is no plan: {problem.TrimEnd('.')}.", "Export-RankPlan writes plans; docs/rank-plan.schema.json says what may stand in them.", inner);
}
