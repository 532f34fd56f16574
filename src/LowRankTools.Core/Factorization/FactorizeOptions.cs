using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats;
using LowRankTools.Formats.Quantization;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Factorization;

/// <summary>Everything that <see cref="FactorizeModel"/> can be told.</summary>
public sealed record FactorizeOptions
{
    /// <summary>How ranks are chosen; null where a plan says it.</summary>
    public RankRule? Rule { get; init; }

    /// <summary>Ranks that were planned; null where a rule chooses them.</summary>
    public RankPlan? Plan { get; init; }

    /// <summary>Whether the plan may have been made for another model that has the planned layers too.</summary>
    public bool AnyModel { get; init; }

    /// <summary>Which layers a rule factorizes; all linear ones by default.</summary>
    public LayerSelection Selection { get; init; } = new();

    /// <summary>What weights become; null for pairs of matrices, and convolutions as they are. A plan says it by itself.</summary>
    public FactorMethod? Method { get; init; }

    /// <summary>How sizes of matrices are split into modes by methods that do, as in <see cref="PlanOptions.Splits"/>.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Splits { get; init; } = [];

    /// <summary>Where the model goes, <see cref="OutputLocation"/>; null for a folder beside the source.</summary>
    public string? OutputPath { get; init; }

    /// <summary>Format to write: Safetensors, PyTorch, or Onnx and Gguf for models that are in them; null for these two where the source is in them, and Safetensors elsewhere.</summary>
    public ModelFormat? Format { get; init; }

    /// <summary>Element type of the factors, and of what the output format cannot hold as it is; null for the
    /// source's own, or F16 for quantised sources. A plan's own type holds where none is given.</summary>
    public TensorDType? DType
    {
        get => field ?? (Plan?.DType is { } planned ? Enum.Parse<TensorDType>(planned) : null);
        init;
    }

    /// <summary>How the factors are quantised; null for not, or for what a plan says. Ranks of rules are then multiples of the blocks' length.</summary>
    public WeightQuantization? Quantize { get; init; }

    /// <summary>Whether matrices that stay dense are quantised too, those whose rows the blocks fill.</summary>
    public bool QuantizeDense { get; init; }

    /// <summary>Whether linear weights that stay dense get zeros for two of every four inputs, chosen by magnitude or, with a calibration, by what each adds to the error at the output.</summary>
    public bool DenseTwoOfFour { get; init; }

    /// <summary>Which factor the singular values go to.</summary>
    public FactorSplit Split { get; init; }

    /// <summary>
    /// Most layers that share the factor next to their inputs: layers of one kind in blocks that follow each other, their names equal but for one number and their
    /// shapes equal. What finds no partner stays a pair of its own. Zero for none, or at least 2.
    /// </summary>
    public int ShareBasis { get; init; }

    /// <summary>Patterns of layers that keep a factor of their own all the same.</summary>
    public IReadOnlyList<Predicate<string>> ShareBasisExclude { get; init; } = [];

    /// <summary>Whether layers may share a basis.</summary>
    internal bool SharesBasis => ShareBasis != 0 || Plan?.SharesBasis == true;

    /// <summary>
    /// Whether biases of zeros are written for both factors of a linear layer (the second one's only where the layer has
    /// no bias to move there), for modules whose pairs are <c>nn.Sequential(nn.Linear(in, r), nn.Linear(r, out))</c>.
    /// </summary>
    public bool FirstBias { get; init; }

    /// <summary>Inputs that the truncation is fitted to; null for the weights alone. A plan's own calibration holds where none is given.</summary>
    public CalibrationOptions? Calibration
    {
        get => field ?? Plan?.Calibration?.ToOptions();
        init;
    }

    /// <summary>Most bytes of tensor data a file; zero for one file.</summary>
    public long MaxShardBytes { get; init; }

    /// <summary>Whether existing output is replaced.</summary>
    public bool Force { get; init; }

    /// <summary>Whether only the plan is made and nothing is written.</summary>
    public bool WhatIf { get; init; }

    /// <summary>Whether a rule that needs spectra takes them from the user's cache folder and keeps them there.</summary>
    public bool UseCache { get; init; } = true;

    /// <summary>What computes.</summary>
    public EngineChoice Engine { get; init; } = EngineChoice.Auto;

    /// <summary>Seed, threads and accuracy of the decompositions.</summary>
    public SvdOptions Svd { get; init; } = SvdOptions.Default;

    /// <summary>Where bytes go.</summary>
    internal OutputDisk Disk { get; init; } = OutputDisk.Local;

    /// <summary>How what is made will be stored.</summary>
    internal StoredAs Stored => new(DType, Format ?? ModelFormat.Safetensors, FirstBias) { Quantize = Quantize, QuantizeDense = QuantizeDense };

    /// <summary>How a rule is planned; null where there is a plan already. Errors need not be predicted, they will be measured.</summary>
    internal PlanOptions? PlanOptions => Rule is null ? null
        : new PlanOptions
        {
            Multiple = Quantize is { } kind ? QuantizedLayout.RowMultiple(kind) : 1, Quantize = Quantize is null ? [] : [Quantize], QuantizeDense = QuantizeDense,
            Rule = Rule, Method = Method, Splits = Splits, Selection = Selection, DType = DType, PredictErrors = false, UseCache = UseCache, Engine = Engine, Svd = Svd,
            ShareBasis = ShareBasis, ShareBasisExclude = ShareBasisExclude, Calibration = Calibration, Weighting = Calibration is null ? Weighting.Relative : Weighting.Calibrated,
        };

    /// <summary>Refuses options that contradict each other.</summary>
    /// <exception cref="LowRankToolsException"><c>OptionInvalid</c>, <c>EngineUnavailable</c>, or <c>PathNotFound</c> of a calibration.</exception>
    public void Validate()
    {
        if (Rule is null == Plan is null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "Ranks come from one rule or from one plan.");
        if (Plan is not null && Selection is not { Include.Count: 0, Exclude.Count: 0, Transposed.Count: 0, IncludeEmbedding: false, Names: null })
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A plan has chosen its layers already.", "Choose them when you plan, or set ranks in the plan.");
        if (Plan is not null && Method is not null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "A plan says what its convolutions become.", "Choose the method when you plan.");
        SharedBasisCheck.Options(this);
        PlanOptions?.Validate();
        if (QuantizeDense && DenseTwoOfFour)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "What stays dense is quantised or gets zeros, not both.", "Leave out -QuantizeDense or -DenseSparsity.");
        if (QuantizeDense && Quantize is null)
            throw new LowRankToolsException(CoreErrors.OptionInvalid, "There is no way to quantise what stays dense.", "Choose one with -Quantize.");
        OutputCheck.Options(OutputPath, Format, DType, MaxShardBytes);
        EngineSelector.Select(Engine);
        Calibration?.Validate();
    }
}
