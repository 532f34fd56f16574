namespace LowRankTools.Core;

/// <summary>Ids of what can go wrong above the file formats. Stable: scripts test for them.</summary>
public static class CoreErrors
{
    /// <summary>There is no such file or folder.</summary>
    public const string PathNotFound = nameof(PathNotFound);
    /// <summary>A folder holds no model.</summary>
    public const string NoModelsFound = nameof(NoModelsFound);
    /// <summary>The output would replace files of the source.</summary>
    public const string OutputIsSource = nameof(OutputIsSource);
    /// <summary>The output exists and -Force was not given.</summary>
    public const string OutputExists = nameof(OutputExists);
    /// <summary>Another run is writing the same output.</summary>
    public const string OutputBusy = nameof(OutputBusy);
    /// <summary>A file of the source was changed while it was read.</summary>
    public const string SourceChanged = nameof(SourceChanged);
    /// <summary>The output cannot be written.</summary>
    public const string OutputNotWritable = nameof(OutputNotWritable);
    /// <summary>The output's name asks for a format that is read and not written.</summary>
    public const string OutputFormatNotWritten = nameof(OutputFormatNotWritten);
    /// <summary>No layer would become a pair, and no tensor smaller factors, so that the output would be a copy.</summary>
    public const string NothingToFactorize = nameof(NothingToFactorize);
    /// <summary>The disk has less room than the output needs.</summary>
    public const string DiskFull = nameof(DiskFull);
    /// <summary>A weight holds NaN or infinity, which no factors can approximate.</summary>
    public const string NonFiniteValues = nameof(NonFiniteValues);
    /// <summary>A value is too large for the element type that it is to be stored in.</summary>
    public const string ValuesOverflow = nameof(ValuesOverflow);
    /// <summary>An option is out of its range, or options contradict each other.</summary>
    public const string OptionInvalid = nameof(OptionInvalid);
    /// <summary>The model holds no low-rank pairs and no decomposed tensors that could be merged.</summary>
    public const string NoFactorsFound = nameof(NoFactorsFound);
    /// <summary>The record of the factorization and the tensors in the file do not agree.</summary>
    public const string FactorsInconsistent = nameof(FactorsInconsistent);
    /// <summary>Two tensors of the output would have one name.</summary>
    public const string NameCollision = nameof(NameCollision);
    /// <summary>An engine was asked for that is not installed.</summary>
    public const string EngineUnavailable = nameof(EngineUnavailable);
    /// <summary>A computation needs more memory than its device has.</summary>
    public const string DeviceMemoryExhausted = nameof(DeviceMemoryExhausted);
    /// <summary>No package source has the package of an engine.</summary>
    public const string EnginePackageNotFound = nameof(EnginePackageNotFound);
    /// <summary>An engine could not be installed: no SDK, no connection, a damaged package.</summary>
    public const string EngineInstallFailed = nameof(EngineInstallFailed);
    /// <summary>An engine is to be removed that is not installed.</summary>
    public const string EngineNotInstalled = nameof(EngineNotInstalled);
    /// <summary>A folder that is to be registered holds no libtorch.</summary>
    public const string LibTorchNotFound = nameof(LibTorchNotFound);
    /// <summary>A folder that is to be registered holds no ONNX Runtime.</summary>
    public const string OnnxRuntimeNotFound = nameof(OnnxRuntimeNotFound);
    /// <summary>Layers were chosen that the model does not have.</summary>
    public const string LayerNotFound = nameof(LayerNotFound);
    /// <summary>A budget is below what the smallest ranks allowed need.</summary>
    public const string BudgetTooSmall = nameof(BudgetTooSmall);
    /// <summary>A rank is larger than the smaller side of the layer.</summary>
    public const string RankExceedsLayer = nameof(RankExceedsLayer);
    /// <summary>A layer that is to be timed does not fit into memory.</summary>
    public const string LayerTooLarge = nameof(LayerTooLarge);
    /// <summary>No ranks that the constraints allow reach the error or the speed that was asked for.</summary>
    public const string TargetUnreachable = nameof(TargetUnreachable);
    /// <summary>A plan is damaged, was edited into something that makes no sense, or is of another kind than is asked for.</summary>
    public const string PlanInvalid = nameof(PlanInvalid);
    /// <summary>A plan was made for another model.</summary>
    public const string PlanModelMismatch = nameof(PlanModelMismatch);
    /// <summary>Two models of one run would be written to the same place.</summary>
    public const string OutputCollision = nameof(OutputCollision);
    /// <summary>A folder holds several models where one is wanted.</summary>
    public const string SeveralModelsFound = nameof(SeveralModelsFound);
    /// <summary>A model has no configuration and cannot be recognised without.</summary>
    public const string ConfigNotFound = nameof(ConfigNotFound);
    /// <summary>A configuration is damaged, lacks a field, or its sizes are out of bounds.</summary>
    public const string ConfigInvalid = nameof(ConfigInvalid);
    /// <summary>A model is of an architecture, or uses a variant of one, that is not run here.</summary>
    public const string ArchitectureUnsupported = nameof(ArchitectureUnsupported);
    /// <summary>A model's tensors are not those that its configuration asks for.</summary>
    public const string WeightsDoNotFit = nameof(WeightsDoNotFit);
    /// <summary>A model has no feed-forward parts that are known by name, dense and not shared.</summary>
    public const string FeedForwardNotFound = nameof(FeedForwardNotFound);
    /// <summary>A model's configuration has no number for the size of a head, or something in its attention needs whole heads.</summary>
    public const string HeadSizeUnsupported = nameof(HeadSizeUnsupported);
    /// <summary>A calibration file does not fit the model, or holds what no inputs can have made.</summary>
    public const string CalibrationInvalid = nameof(CalibrationInvalid);
    /// <summary>A calibration file has nothing on any of the layers that are to be factorized.</summary>
    public const string CalibrationUnmatched = nameof(CalibrationUnmatched);
    /// <summary>There is no configuration of that name.</summary>
    public const string PresetUnknown = nameof(PresetUnknown);
    /// <summary>A network is given what it does not read: too many tokens, unknown ones, an image of another size.</summary>
    public const string InputInvalid = nameof(InputInvalid);
    /// <summary>A text is to be tokenized, and no tokenizer lies beside the model.</summary>
    public const string TokenizerNotFound = nameof(TokenizerNotFound);
    /// <summary>A model's tokenizer is damaged.</summary>
    public const string TokenizerInvalid = nameof(TokenizerInvalid);
    /// <summary>A model's tokenizer is of a kind that is not worked with here.</summary>
    public const string TokenizerUnsupported = nameof(TokenizerUnsupported);
    /// <summary>The library that tokenizes cannot be loaded here.</summary>
    public const string TokenizerUnavailable = nameof(TokenizerUnavailable);
    /// <summary>A text or token file is empty, no UTF-8, or holds something else than it should.</summary>
    public const string TextInvalid = nameof(TextInvalid);
    /// <summary>A checkpoint is damaged, or of another training.</summary>
    public const string CheckpointDoesNotFit = nameof(CheckpointDoesNotFit);
    /// <summary>Parts of a factorization are missing.</summary>
    public const string PartMissing = nameof(PartMissing);
    /// <summary>A file of a part is damaged, or is not whole.</summary>
    public const string PartInvalid = nameof(PartInvalid);
    /// <summary>A part was made from another model, by another plan or with other options than the others.</summary>
    public const string PartMismatch = nameof(PartMismatch);
    /// <summary>A file holds no low-rank adapter.</summary>
    public const string NotAnAdapter = nameof(NotAnAdapter);
    /// <summary>An adapter is damaged: a factor is missing, shapes or ranks contradict each other, a scale is no number.</summary>
    public const string AdapterInvalid = nameof(AdapterInvalid);
    /// <summary>An adapter does not say how its product is scaled.</summary>
    public const string AdapterScalingUnknown = nameof(AdapterScalingUnknown);
    /// <summary>An adapter is of a kind that is not worked on here.</summary>
    public const string AdapterUnsupported = nameof(AdapterUnsupported);
    /// <summary>An adapter holds parts beside its factors that the operation would lose or change.</summary>
    public const string AdapterPartNotCarried = nameof(AdapterPartNotCarried);
    /// <summary>Modules of an adapter fit no weight of the base model, by name or by shape, or fit a weight that is shared.</summary>
    public const string AdapterDoesNotFit = nameof(AdapterDoesNotFit);
    /// <summary>ONNX Runtime does not take a graph, or fails in it.</summary>
    public const string GraphNotRun = nameof(GraphNotRun);
    /// <summary>Two graphs that are held against each other have other inputs or other outputs.</summary>
    public const string GraphsDiffer = nameof(GraphsDiffer);
    /// <summary>Nothing gives a graph one of its inputs, or the sizes that one leaves open.</summary>
    public const string InputMissing = nameof(InputMissing);
    /// <summary>A file of characters has as many as no output of the graph has classes.</summary>
    public const string CharactersDoNotFit = nameof(CharactersDoNotFit);
}
