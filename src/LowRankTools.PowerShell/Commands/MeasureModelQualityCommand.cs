using System.Management.Automation;
using LowRankTools.Core.Models;
using LowRankTools.Core.Quality;
using LowRankTools.Core.Quality.Graphs;

namespace LowRankTools.PowerShell.Commands;

/// <summary>Holds models against the one that they were made from: on a text, or, of graphs of ONNX, on the same inputs.</summary>
[Cmdlet(VerbsDiagnostic.Measure, "ModelQuality", DefaultParameterSetName = PathSet)]
[OutputType(typeof(ModelQuality), typeof(GraphQuality))]
public sealed partial class MeasureModelQualityCommand : TextCommandBase
{
    private MeasureQuality? _operation;
    private MeasureGraphQuality? _graphs;

    /// <summary>The original: a file, or a folder that holds one model.</summary>
    [Parameter(Mandatory = true, Position = 1), ValidateNotNullOrEmpty]
    public string ReferencePath { get; set; } = string.Empty;

    /// <summary>An adapter that runs beside the weights of the models, and not of the original: a file, or a folder that holds one.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? AdapterPath { get; set; }

    /// <summary>The right class of each line of the text, for classifiers: a file with one a line.</summary>
    [Parameter, ValidateNotNullOrEmpty]
    public string? LabelPath { get; set; }

    /// <inheritdoc/>
    protected override void BeginProcessing()
    {
        base.BeginProcessing();
        ModelSource? adapter = null;
        if (AdapterPath is not null)
            Required(AdapterPath, () => adapter = OneModel(AdapterPath));
        Required(ReferencePath, () =>
        {
            ModelSource reference = OneModel(ReferencePath);
            if (GraphOptions is var graphs && graphs.AreFor(reference, hasText: TextPath is not null || TokenPath is not null))
            {
                graphs.Validate();
                _graphs = new MeasureGraphQuality(graphs, reference);
                return;
            }
            QualityOptions options = new() { Input = Input, Adapter = adapter, LabelPath = LabelPath is null ? null : Resolver.Literal(LabelPath), Pooling = ChosenPooling, BatchSize = BatchSize, Engine = ChosenEngine, ThreadCount = ThreadCount };
            options.Validate();
            _operation = new MeasureQuality(options, reference);
        });
    }

    private protected override void ProcessModel(ModelSource source)
    {
        if (_graphs is { } graphs)
            WriteObject(Run(source.Name, (progress, token) => graphs.Run(source, progress, token)));
        else
            WriteObject(Run(source.Name, (progress, token) => _operation!.Run(source, progress, token)));
    }
}
