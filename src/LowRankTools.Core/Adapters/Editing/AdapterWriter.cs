using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>
/// An adapter that is about to be written. Scales are inside the factors, so that every alpha is the rank; GGUF has one alpha for
/// all modules, the largest rank, and factors of smaller rank r hold r over it beside their scale.
/// </summary>
/// <param name="Location">Where it goes.</param>
/// <param name="Layout">Peft, Kohya, Gguf or OnnxRuntime.</param>
/// <param name="DType">Element type of the factors.</param>
/// <param name="Options">Force, disk.</param>
internal sealed record AdapterWriter(OutputLocation Location, AdapterLayout Layout, TensorDType DType, AdapterOutputOptions Options)
{
    private static readonly string[] s_patternFields = ["rank_pattern", "alpha_pattern"];

    /// <summary>Files that are read and must stay as they are.</summary>
    public SourceFiles Source { get; init; } = SourceFiles.None;

    /// <summary>Architecture of the base model, for GGUF alone.</summary>
    public string? Architecture { get; init; }

    /// <summary>Inputs of the graph that factors are called after, by the module's name; null where they are called after the module.</summary>
    public IReadOnlyDictionary<string, GraphParameters.Place>? Parameters { get; init; }

    /// <summary>What the configuration says beside ranks.</summary>
    public IEnumerable<(string Field, string Value)> Notes { get; init; } = [];

    /// <summary>Whether the base model stores weights (in, out).</summary>
    public bool FanInFanOut { get; init; }

    /// <summary>Numerator of the scale where the factors have none of it inside; null where they have all, and every alpha is the rank.</summary>
    public double? Alpha { get; init; }

    /// <summary>Whether the adapter is there to be trained.</summary>
    public bool ForTraining { get; init; }

    /// <summary>Refuses an output that could not be written, before anything is computed.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputExists</c>, <c>OutputIsSource</c>.</exception>
    public void Check() => OutputTargets.Check(Location, Source, Options.Force || Options.WhatIf);

    /// <summary>Files that would give way.</summary>
    public IReadOnlyList<string> Displaced(IReadOnlyList<AdapterFactors> factors) => Request(factors).Displaced();

    /// <summary>Bytes of tensor data.</summary>
    public long Bytes(IReadOnlyList<AdapterFactors> factors) => Specs(factors).Sum(s => s.ByteLength);

    /// <summary>Writes the adapter.</summary>
    /// <param name="factors">Every module, in the order of the file.</param>
    /// <param name="cancellationToken">Stops between pieces; nothing is left behind.</param>
    /// <returns>Path of the weights, and what was done about the remains of an earlier run.</returns>
    public (string Path, string Note) Write(IReadOnlyList<AdapterFactors> factors, CancellationToken cancellationToken)
    {
        Check();
        OutputRequest request = Request(factors);
        int most = factors.Max(f => f.Rank);
        using ModelOutput output = ModelOutput.Create(request);
        foreach (AdapterFactors pair in factors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            MatrixRows.Write(output, SpecOf(pair, AdapterPart.A), IsTurned(pair) ? pair.A.Transposed : pair.A.View, Location.WeightsPath, cancellationToken);
            if (Layout == AdapterLayout.Gguf)
                AdapterFactors.Scale(pair.B, (double)pair.Rank / most);
            MatrixRows.Write(output, SpecOf(pair, AdapterPart.B), IsOnnx ? pair.B.Transposed : pair.B.View, Location.WeightsPath, cancellationToken);
            if (pair.Magnitude is { } magnitude)
                MatrixRows.Write(output, SpecOf(pair, AdapterPart.Magnitude), magnitude.View, Location.WeightsPath, cancellationToken);
            if (Layout == AdapterLayout.Kohya)
                WriteAlpha(output, pair);
        }
        byte[]? config = Layout == AdapterLayout.Peft ? Config(factors) : null;
        return (output.Complete(request.Metadata, config, companionsFrom: null), output.Note);
    }

    private OutputRequest Request(IReadOnlyList<AdapterFactors> factors)
    {
        CheckGguf(factors);
        CheckOnnx(factors);
        return new(Location, AdapterOutputOptions.FormatOf(Layout), [.. Specs(factors)], Metadata(factors))
        {
            Source = Source, Force = Options.Force, Disk = Options.Disk, HasRecord = Layout == AdapterLayout.Peft,
            Gguf = Layout == AdapterLayout.Gguf ? new GgufContents(null, GgufAdapterKeys.Values(Architecture!, factors.Max(f => f.Rank))) : null,
        };
    }

    private bool IsOnnx => Layout == AdapterLayout.OnnxRuntime;

    private bool IsTurned(AdapterFactors pair) => Layout == AdapterLayout.Gguf && pair.IsEmbedding || IsOnnx;

    private void CheckOnnx(IReadOnlyList<AdapterFactors> factors)
    {
        if (IsOnnx && factors.FirstOrDefault(f => f.Inputs.Length > 1 || f.IsEmbedding) is { } odd)
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{Location.WeightsPath}: module '{odd.Name}' is a convolution or an embedding, and adapters of ONNX Runtime are factors of matrix products here.", "Leave it out of the adapter, or write Peft or Kohya.");
    }

    private void CheckGguf(IReadOnlyList<AdapterFactors> factors)
    {
        if (Layout != AdapterLayout.Gguf)
            return;
        if (Architecture is null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"{Location.WeightsPath}: an adapter in GGUF names its base model's architecture.", "Give a GGUF model as -BasePath.");
        if (factors.FirstOrDefault(f => f.Inputs.Length > 1 || f.IsEmbedding != (f.Name == AdapterKey.GgufEmbedding)) is { } odd)
            throw new LowRankToolsException(CoreErrors.AdapterUnsupported, $"{Location.WeightsPath}: module '{odd.Name}' is a convolution, an embedding of positions, or an embedding adapted as a linear map, which llama.cpp does not know.", "Write Peft or Kohya.");
    }

    private IEnumerable<TensorSpec> Specs(IEnumerable<AdapterFactors> factors) => factors.SelectMany(pair => Layout == AdapterLayout.Kohya
        ? [SpecOf(pair, AdapterPart.A), SpecOf(pair, AdapterPart.B), SpecOf(pair, AdapterPart.Alpha)]
        : pair.Magnitude is not null ? [SpecOf(pair, AdapterPart.A), SpecOf(pair, AdapterPart.B), SpecOf(pair, AdapterPart.Magnitude)]
        : new[] { SpecOf(pair, AdapterPart.A), SpecOf(pair, AdapterPart.B) });

    private TensorSpec SpecOf(AdapterFactors pair, AdapterPart part)
    {
        string name = Parameters?[pair.Name] is { } place ? (part == AdapterPart.A ? place.A : place.B).Name : AdapterKey.Write(Layout, pair.Name, part, pair.IsEmbedding);
        return part == AdapterPart.Alpha ? new TensorSpec(name, TensorDType.F32, [])
            : part == AdapterPart.Magnitude ? new TensorSpec(name, DType, [.. pair.ShapeOfMagnitude])
            : new TensorSpec(name, DType, [.. part == AdapterPart.B ? IsOnnx ? [pair.Rank, pair.B.Rows] : pair.ShapeOfB : IsTurned(pair) ? [pair.A.Columns, pair.Rank] : pair.ShapeOfA]);
    }

    private void WriteAlpha(ModelOutput output, AdapterFactors pair)
    {
        TensorSpec spec = SpecOf(pair, AdapterPart.Alpha);
        output.Writing(() =>
        {
            output.Writer.Begin(spec);
            byte[] rank = new byte[sizeof(float)];
            BinaryPrimitives.WriteSingleLittleEndian(rank, (float)(Alpha ?? pair.Rank));
            output.Writer.Write(rank);
        });
    }

    private Dictionary<string, string> Metadata(IReadOnlyList<AdapterFactors> factors)
    {
        if (Layout is AdapterLayout.Gguf or AdapterLayout.OnnxRuntime)
            return [];
        Dictionary<string, string> metadata = new(StringComparer.Ordinal) { ["format"] = "pt" };
        if (Layout == AdapterLayout.Kohya)
        {
            int[] ranks = [.. factors.Select(f => f.Rank).Distinct()];
            metadata["ss_network_module"] = "networks.lora";
            metadata["ss_network_dim"] = metadata["ss_network_alpha"] = ranks.Length == 1 ? ranks[0].ToString(CultureInfo.InvariantCulture) : "Dynamic";
            if (Alpha is { } alpha)
                metadata["ss_network_alpha"] = alpha.ToString("R", CultureInfo.InvariantCulture);
        }
        return metadata;
    }

    /// <summary>PEFT writes names as they are, whose dots stand for any character; anything else that an expression would obey is escaped.</summary>
    internal static string PatternOf(string name) => name.All(c => char.IsLetterOrDigit(c) || c is '.' or '_' or '-') ? name : Regex.Escape(name);

    private byte[] Config(IReadOnlyList<AdapterFactors> factors)
    {
        // PEFT takes the first pattern that ends a module's name: longer names come first, so that none is taken for another's end.
        bool one = factors.Select(f => f.Rank).Distinct().Count() == 1;
        AdapterFactors[] patterns = one ? [] : [.. factors.OrderByDescending(f => f.Name.Length).ThenBy(f => f.Name, StringComparer.Ordinal)];
        using MemoryStream stream = new();
        using (Utf8JsonWriter json = new(stream, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteString("peft_type", "LORA");
            foreach ((string field, string value) in Notes)
                json.WriteString(field, value);
            json.WriteString("bias", "none");
            json.WriteBoolean("fan_in_fan_out", FanInFanOut);
            json.WriteBoolean("inference_mode", !ForTraining);
            json.WriteNumber("r", factors[0].Rank);
            json.WriteNumber("lora_alpha", Alpha ?? factors[0].Rank);
            json.WriteBoolean("use_rslora", false);
            if (factors.Any(f => f.Magnitude is not null))
                json.WriteBoolean("use_dora", true);
            foreach (string field in s_patternFields)
            {
                json.WriteStartObject(field);
                foreach (AdapterFactors pair in patterns)
                    json.WriteNumber(PatternOf(pair.Name), pair.Rank);
                json.WriteEndObject();
            }
            json.WriteStartArray("target_modules");
            foreach (AdapterFactors pair in factors)
                json.WriteStringValue(pair.Name);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return stream.ToArray();
    }

}
