using System.Management.Automation;
using LowRankTools.Core.Memory;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Tensors;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Estimates the memory that models need to run, from headers and configurations.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "ModelMemory", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ModelMemory))]
public sealed class MeasureModelMemoryCommand : HeaderCommandBase
{
    /// <summary>Tokens of a sequence; the longest that the model was made for by default.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int[]? ContextLength { get; set; }

    /// <summary>Sequences at a time.</summary>
    [Parameter, ValidateRange(1, 1_000_000)]
    public int BatchSize { get; set; } = 1;

    /// <summary>Type of keys and values in the cache.</summary>
    [Parameter, ValidateSet("F32", "F16", "BF16", "F8_E4M3", "Q8_0", "Q4_0")]
    public string CacheDType { get; set; } = nameof(TensorDType.F16);

    /// <summary>Type that the weights are held in; as stored by default.</summary>
    [Parameter, ValidateSet("F32", "F16", "BF16", "F8_E4M3", "Q8_0", "Q4_0")]
    public string? WeightDType { get; set; }

    private protected override void ProcessModel(ModelSource source)
    {
        MemoryOptions options = new()
        {
            ContextLengths = ContextLength ?? [],
            BatchSize = BatchSize,
            CacheDType = Enum.Parse<TensorDType>(CacheDType, ignoreCase: true),
            WeightDType = WeightDType is null ? null : Enum.Parse<TensorDType>(WeightDType, ignoreCase: true),
        };
        WriteObject(Read(source, remote => MeasureMemory.Run(source, options, remote)), enumerateCollection: true);
    }
}
