using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Figures;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Reports;

/// <summary>Gathers what a report says of a model: what it is, what could be or was made of it, what that changed.</summary>
internal sealed class ModelReport(ReportOptions options, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
{
    private const int TimedShapes = 3;
    private static readonly double[] s_timedShares = [0.125, 0.25, 0.5, 0.75, 1, 1.25];

    private readonly List<ReportFact> _facts = [];
    private readonly List<Figure> _figures = [];

    /// <summary>A model by itself, with the options' plan, and against their reference.</summary>
    public Report Build(ModelSource source)
    {
        FactorizationRecord? record = Describe(source);
        if (options.Plan is { } plan)
            AddPlan(plan);
        if (record is not null)
            AddRecord(record);
        ModelSource? dense = record is null ? source : options.Reference;
        if (dense is not null)
            AddSpectra(dense, record);
        if (options.Reference is { } reference)
            Compare(reference, source);
        if (dense is not null)
            AddSpeed(dense);
        string title = options.Reference is { } other ? $"{source.Name} beside {other.Name}" : options.Plan is null ? source.Name : $"{source.Name}, planned";
        return new Report(title, _facts, _figures) { Plan = options.Plan };
    }

    /// <summary>A result, its model beside the source.</summary>
    public Report Build(FactorizationResult result)
    {
        ModelSource dense = new ModelLocator().Find(result.Source)[0];
        ModelSource shown = result.Written ? new ModelLocator().Find(result.Path)[0] : dense;
        FactorizationRecord? record = Describe(shown);
        _facts.Add(new ReportFact("Parameters before", FigureText.Count(result.ParametersBefore)));
        _facts.Add(new ReportFact("Kept", FigureText.Percent(result.KeptRatio)));
        Add("Error of all pairs together", FigureText.Number(result.RelativeError));
        _figures.Add(Plot.ParametersByLayer(result));
        _figures.Add(Plot.SizeByLayer(result));
        if (result.Layers.Any(l => l.RelativeError is not null))
            _figures.Add(Plot.ErrorByLayer(result));
        AddSpectra(dense, record);
        if (result.Written)
            Compare(dense, shown);
        AddSpeed(dense);
        return new Report($"{result.Name}, factorized", _facts, _figures);
    }

    private FactorizationRecord? Describe(ModelSource source)
    {
        using Model model = Model.Open(source);
        if (options.Plan is { Fingerprint: var planned } && planned != ModelFingerprint.Compute(model.File, cancellationToken))
            throw new LowRankToolsException(CoreErrors.PlanModelMismatch, $"{source.Path}: the plan was made for another model.", "Plan this model.");
        ParameterCount count = CountParameters.Run(model, detailed: true);
        Add("Model", source.Name);
        Add("File", Path.GetFileName(source.Path));
        Add("Format", count.Format);
        Add("Parameters", FigureText.Count(count.Parameters));
        Add("Trainable", FigureText.Count(count.TrainableParameters));
        Add("Tensors", FigureText.Count(count.Tensors));
        Add("Layers", FigureText.Count(count.Layers));
        Add("Element types", string.Join(", ", count.ByDType.Select(t => $"{t.Key} {FigureText.Count(t.Value)}")));
        Add("Files on disk", FigureText.Bytes(count.Bytes));
        Add("Weights in memory", FigureText.Bytes(count.RunBytes));
        Add("To train with Adam", FigureText.Bytes(count.TrainBytesAdam));
        _figures.Add(Plot.ParametersByKind(count));
        if (options.Plan is null)
            _figures.Add(Plot.SizeByLayer(count));
        return model.Record;
    }

    private void AddPlan(RankPlan plan)
    {
        _facts.AddRange(PlanReport.Summary(plan));
        _figures.AddRange(PlanReport.Figures(plan));
    }

    private void AddRecord(FactorizationRecord record)
    {
        Add("Factorized from", record.Source);
        Add("Rule", record.Rule);
        Add("Pairs", FigureText.Count(record.Layers.Count));
        _figures.Add(Plot.ParametersByLayer(record));
        _figures.Add(Plot.ErrorByLayer(record));
    }

    private void AddSpectra(ModelSource dense, FactorizationRecord? record)
    {
        if (options.SkipSpectrum)
            return;
        SpectrumOptions wanted = new() { Selection = options.Selection, UseCache = options.UseCache, Engine = options.Engine, Svd = options.Svd };
        List<LayerSpectrum> spectra = [.. new MeasureSpectra(wanted).Run(dense, progress, cancellationToken)];
        if (spectra.Count == 0)
            return;
        _figures.Add(record is null ? Plot.Spectrum(spectra, options.Plan) : Plot.Spectrum(spectra, record));
        _figures.Add(Plot.ErrorAgainstKept(spectra, options.Plan is { } plan ? [plan] : null));
        Add("Layers that a pair suits", $"{FigureText.Count(spectra.Count(s => s.Suggestion == LayerSuggestion.Factorize))} of {FigureText.Count(spectra.Count)}: a pair smaller than the matrix keeps 95 % of the energy");
    }

    private void Compare(ModelSource reference, ModelSource source)
    {
        TensorDifference[] differences = [.. new CompareModels(withRank: false, options.Engine).Run(reference, source, progress, cancellationToken)];
        _figures.Add(Plot.Comparison(differences));
        Add("Compared with", reference.Name);
        Add("Tensors that are the same", FigureText.Count(differences.Count(d => d.Status == DifferenceStatus.Same)));
        Add("Tensors that differ", FigureText.Count(differences.Count(d => d.Status != DifferenceStatus.Same)));
    }

    private void AddSpeed(ModelSource dense)
    {
        if (!options.IncludeSpeed)
            return;
        IReadOnlyList<MeasuredLayer> layers;
        using (Model model = Model.Open(dense))
            layers = MeasuredLayer.Distinct(model.Layers.Select(l => l.Shape));
        List<LayerSpeed> speeds = [];
        foreach (MeasuredLayer layer in layers.OrderByDescending(l => (double)l.Layers * l.Shape.OutFeatures * l.Shape.InFeatures).Take(TimedShapes))
        {
            int[] ranks = [.. s_timedShares.Select(s => Math.Clamp((int)(s * layer.Shape.BreakEvenRank), 1, layer.Shape.MaximumRank)).Distinct()];
            speeds.AddRange(new MeasureLayerSpeed(new LayerSpeedOptions { Ranks = ranks, Engine = options.Engine, ThreadCount = options.Svd.ThreadCount }).Run(layer, progress, cancellationToken));
        }
        if (speeds.Count > 0)
            _figures.Add(Plot.TimeAgainstRank(speeds));
    }

    private void Add(string name, string value)
    {
        if (value.Length > 0)
            _facts.Add(new ReportFact(name, value));
    }
}
