using System.Management.Automation;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Models;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Makes one adapter of several.</summary>
[Cmdlet(VerbsCommon.Join, "LoraAdapter", DefaultParameterSetName = PathSet, SupportsShouldProcess = true)]
[OutputType(typeof(AdapterResult), typeof(FileInfo))]
public sealed class JoinLoraAdapterCommand : RankedAdapterCommandBase
{
    private readonly List<ModelSource> _sources = [];

    /// <summary>Strengths of the adapters, in their order; 1 each by default.</summary>
    [Parameter]
    public double[]? Weight { get; set; }

    /// <summary>How they become one; the exact sum by default, or recompressed where ranks are chosen.</summary>
    [Parameter, ValidateSet(nameof(JoinMode.Cat), nameof(JoinMode.Svd), nameof(JoinMode.Linear), nameof(JoinMode.Ties), nameof(JoinMode.Dare))]
    public string? Mode { get; set; }

    /// <summary>Share of each adapter's entries that Ties and Dare keep.</summary>
    [Parameter]
    public double? Density { get; set; }

    /// <summary>Seed of the entries that Dare keeps.</summary>
    [Parameter, ValidateRange(0, long.MaxValue)]
    public long Seed { get; set; }

    private JoinMode Chosen => Mode is not null ? Enum.Parse<JoinMode>(Mode, ignoreCase: true) : Rule is null ? JoinMode.Cat : JoinMode.Svd;

    private JoinAdapters Operation(AdapterOutputOptions output) => new(Chosen, Rule, output, Alpha) { Density = Density, Seed = (ulong)Seed };

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        base.EndProcessing();
        // A sum of those that were found is not the sum that was asked for.
        if (AnyFailed || _sources.Count == 0)
            return;
        Guarded(_sources[0].Path, () =>
        {
            double[] weights = Weight ?? [.. _sources.Select(_ => 1.0)];
            Write(_sources[0], Operation(Output).Location(_sources[0]), $"Join {_sources.Count} adapters, the first of them", (output, progress, token) => Operation(output).Run(_sources, weights, progress, token));
        });
    }

    private protected override void ValidateOptions() => Operation(Output).Validate();

    private protected override void ProcessModel(ModelSource source) => _sources.Add(source);
}
