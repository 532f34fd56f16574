using System.Management.Automation;
using LowRankTools.Core;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;
using LowRankTools.PowerShell.Completion;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Times linear layers against their low-rank pairs on this machine.</summary>
// Text binds to -Shape and layers bind to -InputObject: the binder tries objects as they are before it converts them.
[Cmdlet(VerbsDiagnostic.Measure, "LayerSpeed", DefaultParameterSetName = ShapeSet)]
[OutputType(typeof(LayerSpeed), typeof(ConvolutionSpeed), typeof(TrainSpeed), typeof(PivotedSpeed), typeof(ContractionSpeed))]
public sealed partial class MeasureLayerSpeedCommand : OperationCommandBase
{
    private const string ShapeSet = nameof(Shape);
    private const string InputObjectSet = nameof(InputObject);

    private readonly List<LayerShape> _layers = [];
    private MeasureLayerSpeed? _operation;

    /// <summary>Shapes of layers, outputs x inputs.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ParameterSetName = ShapeSet)]
    [ValidateNotNullOrEmpty]
    public string[]? Shape { get; set; }

    /// <summary>Layers that Get-LayerShapes found; those that are no linear maps are left out.</summary>
    [Parameter(Mandatory = true, ValueFromPipeline = true, ParameterSetName = InputObjectSet)]
    [ValidateNotNull]
    public LayerShape? InputObject { get; set; }

    /// <summary>Ranks of the pairs; by default the one that keeps half of the parameters.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int[] Rank { get; set; } = [];

    /// <summary>Tokens that a layer is called with.</summary>
    [Parameter, ValidateRange(1, int.MaxValue)]
    public int BatchSize { get; set; } = 128;

    /// <summary>Timed runs; by default as many as steady medians take.</summary>
    [Parameter, ValidateRange(1, 100_000)]
    public int Runs { get; set; }

    /// <summary>Whether the search for the break-even rank is left out.</summary>
    [Parameter]
    public SwitchParameter SkipBreakEven { get; set; }

    /// <summary>Threads to compute with; every core by default.</summary>
    [Parameter, ValidateRange(1, 256)]
    public int ThreadCount { get; set; }

    /// <summary>Engine that computes; the embedded one by default.</summary>
    [Parameter, ValidateSet("Auto", "Embedded", "TorchSharp")]
    public string Engine { get; set; } = "Auto";

    /// <summary>Device to compute on.</summary>
    [Parameter, ValidateNotNullOrEmpty, ArgumentCompleter(typeof(DeviceNameCompleter))]
    public string? Device { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing() => Required(null, () =>
    {
        CheckModes();
        CheckSplits();
        EngineChoice engine = Choice(Engine, Device);
        TellEngine(engine);
        TimingOptions timing = new();
        _operation = new MeasureLayerSpeed(new LayerSpeedOptions
        {
            Ranks = Rank,
            BatchSize = BatchSize,
            FindBreakEven = !SkipBreakEven,
            Engine = engine,
            ThreadCount = ThreadCount,
            Timing = Runs > 0 ? timing.WithRuns(Runs) : timing,
        });
    });

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // Layers are measured at the end: many have one shape, which is measured once.
        if (InputObject is not null)
            _layers.Add(InputObject);
        if (ParameterSetName == ModesSet)
            Guarded($"{InputShape} to {OutputShape}", () => MeasureContractions(InputShape!, OutputShape!));
        foreach (string shape in Shape ?? [])
            Guarded(shape, () => Measure(shape));
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (Method is not null && !IsOfMatrices)
        {
            MeasureConvolutions();
            return;
        }
        IReadOnlyList<MeasuredLayer> distinct = MeasuredLayer.Distinct(_layers);
        if (_layers.Count > 0)
            WriteVerbose($"{_layers.Count} tensors came, {distinct.Sum(l => l.Layers)} of them weights of dense linear layers, in {distinct.Count} shapes.");
        foreach (MeasuredLayer layer in distinct)
            Guarded(layer.Name, () => Measure(layer));
        if (_layers.Count > 0 && distinct.Count == 0)
        {
            Guarded(_layers[0].Name, () => throw new LowRankToolsException(CoreErrors.LayerNotFound,
                $"None of the {_layers.Count} tensors in the pipeline is the weight of a linear layer that is still dense.", "Pipe layers of kind Linear."));
        }
    }

    private void Measure(string shape)
    {
        if (MeasuredKernel.Parse(shape) is { } kernel)
            Measure(kernel);
        else
            Measure(MeasuredLayer.Of(MatrixShape.Parse(shape)));
    }

    private void Measure(MeasuredLayer layer)
    {
        if (IsOfMatrices)
            MeasureFactors(layer);
        else
            Stream(layer.Name, (progress, token) => _operation!.Run(layer, progress, token), WriteObject);
    }
}
