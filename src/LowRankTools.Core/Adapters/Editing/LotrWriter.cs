using System.Buffers.Binary;
using System.Diagnostics;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Output;
using LowRankTools.Formats;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters.Editing;

/// <summary>A LoTR adapter that is about to be written: one safetensors file, the shared factors of a group before the cores of its layers.</summary>
/// <param name="Location">Where it goes.</param>
/// <param name="DType">Element type of the factors.</param>
/// <param name="Options">Force, disk.</param>
internal sealed record LotrWriter(OutputLocation Location, TensorDType DType, AdapterOutputOptions Options)
{
    /// <summary>Key of the kind of adapter in the metadata.</summary>
    public const string MetadataKey = "lowrank.adapter";

    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <summary>Files that are read and must stay as they are.</summary>
    public required SourceFiles Source { get; init; }

    /// <summary>Name of the base model or adapter, for the metadata and the result.</summary>
    public required string Name { get; init; }

    /// <summary>Full paths of what is read, for the result.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>Parameters of what is read.</summary>
    public required long ParametersBefore { get; init; }

    /// <summary>Refuses an output that could not be written, before anything is computed.</summary>
    /// <exception cref="LowRankToolsException"><c>OutputExists</c>, <c>OutputIsSource</c>.</exception>
    public void Check() => OutputTargets.Check(Location, Source, Options.Force || Options.WhatIf);

    /// <summary>Writes the adapter, but under WhatIf.</summary>
    /// <param name="groups">All groups; freed.</param>
    /// <param name="modules">What became of each module.</param>
    /// <param name="rule">What was done.</param>
    /// <param name="cancellationToken">Stops between pieces; nothing is left behind.</param>
    public AdapterResult Write(IReadOnlyList<LotrGroup> groups, IReadOnlyList<AdapterModuleResult> modules, string rule, CancellationToken cancellationToken)
    {
        List<(TensorSpec Spec, Matrix<float>? Values, double? Alpha)> tensors = [.. groups.SelectMany(Tensors)];
        OutputRequest request = new(Location, ModelFormat.Safetensors, [.. tensors.Select(t => t.Spec)], Metadata(groups)) { Source = Source, Force = Options.Force, Disk = Options.Disk };
        double lost = modules.Sum(m => Math.Pow(m.RelativeError * m.Norm, 2)), whole = modules.Sum(m => m.Norm * m.Norm);
        AdapterResult result = new()
        {
            Path = Location.WeightsPath,
            Sources = Sources,
            Name = Name,
            Rule = rule,
            Layout = AdapterLayout.Lotr,
            Written = false,
            ParametersBefore = ParametersBefore,
            Parameters = groups.Sum(g => g.Parameters),
            Bytes = tensors.Sum(t => t.Spec.ByteLength),
            RelativeError = whole == 0 ? 0 : Math.Sqrt(lost / whole),
            Modules = modules.ToArray(),
            Displaced = request.Displaced(),
        };
        if (Options.WhatIf)
            return result;
        Check();
        using ModelOutput output = ModelOutput.Create(request);
        foreach ((TensorSpec spec, Matrix<float>? values, double? alpha) in tensors)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (values is null)
                WriteScalar(output, spec, (float)alpha!.Value);
            else
                MatrixRows.Write(output, spec, values.View, Location.WeightsPath, cancellationToken);
        }
        string path = output.Complete(request.Metadata, record: null, companionsFrom: null);
        return result with { Path = path, Written = true, Note = output.Note, Seconds = _clock.Elapsed.TotalSeconds };
    }

    private IEnumerable<(TensorSpec Spec, Matrix<float>? Values, double? Alpha)> Tensors(LotrGroup group)
    {
        yield return (Spec(LotrPart.Left, "", group.Left.Rows, group.Left.Columns), group.Left, null);
        yield return (Spec(LotrPart.Right, "", [group.Right.Rows, .. group.Inputs]), group.Right, null);
        if (group.Alpha is { } alpha)
            yield return (new TensorSpec(new LotrKey(LotrPart.Alpha, group.Name, "").ToString(), TensorDType.F32, []), null, alpha);
        foreach ((string module, Matrix<float> core) in group.Cores)
            yield return (Spec(LotrPart.Core, module, core.Rows, core.Columns), core, null);

        TensorSpec Spec(LotrPart part, string module, params long[] shape) => new(new LotrKey(part, group.Name, module).ToString(), DType, [.. shape]);
    }

    private Dictionary<string, string> Metadata(IReadOnlyList<LotrGroup> groups) => new(StringComparer.Ordinal)
    {
        ["format"] = "pt",
        [MetadataKey] = "lotr",
        ["base_model_name_or_path"] = Name,
        ["lotr_groups"] = string.Join(", ", groups.Select(g => FormattableString.Invariant($"{g.Name}: {g.Cores.Count} layers of ranks {g.Left.Columns}, {g.Right.Rows}"))),
    };

    private static void WriteScalar(ModelOutput output, TensorSpec spec, float value) => output.Writing(() =>
    {
        output.Writer.Begin(spec);
        byte[] bytes = new byte[sizeof(float)];
        BinaryPrimitives.WriteSingleLittleEndian(bytes, value);
        output.Writer.Write(bytes);
    });
}
