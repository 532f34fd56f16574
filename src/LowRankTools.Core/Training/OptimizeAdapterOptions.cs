using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Training;

/// <summary>Everything that <see cref="OptimizeAdapter"/> can be told.</summary>
public sealed record OptimizeAdapterOptions : TrainingSettings
{
    /// <summary>The adapter that is trained on; null for a new one.</summary>
    public ModelSource? Adapter { get; init; }

    /// <summary>Numerator of the scale of an <see cref="Adapter"/> that does not say its own.</summary>
    public double? Alpha { get; init; }

    /// <summary>The adapter that is made and trained; null for one that is there.</summary>
    public NewAdapterOptions? New { get; init; }

    /// <summary>The model whose answers are learned; null to learn from the text or from labels.</summary>
    public ModelSource? Reference { get; init; }

    /// <summary>Where and how the adapter is written.</summary>
    public AdapterOutputOptions Output { get; init; } = new();

    /// <inheritdoc/>
    public override void Validate()
    {
        base.Validate();
        Output.Validate();
        if (Adapter is null == New is null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "An adapter is trained that is there, or a new one of a rank: exactly one of both.", "Give -AdapterPath or -Rank.");
        (New is null ? null : New with { Output = Output })?.Validate();
        if (Output.AnyLayoutFor(AdapterLayout.Peft) is not (AdapterLayout.Peft or AdapterLayout.Kohya))
            throw new LowRankToolsException(CoreErrors.OptionInvalid, $"A trained adapter is written as Peft or Kohya, not as {Output.AnyLayoutFor(AdapterLayout.Peft)}.", "Name a folder or a .safetensors file as -OutputPath, and change the layout with Convert-LoraAdapter.");
    }
}
