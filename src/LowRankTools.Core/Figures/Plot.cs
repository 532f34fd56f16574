using LowRankTools.Core.Comparison;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Core.Spectra;
using LowRankTools.Core.Speed;

namespace LowRankTools.Core.Figures;

/// <summary>Every plot that this library makes of its results. Each is a <see cref="Figure"/>: data, until someone draws it.</summary>
public static class Plot
{
    /// <summary>Singular values over the largest one, by their index: how fast each layer's spectrum falls, and where a plan cuts it.</summary>
    /// <param name="spectra">Layers of one model or of several.</param>
    /// <param name="plan">Ranks to mark; null for none.</param>
    public static Figure Spectrum(IEnumerable<LayerSpectrum> spectra, RankPlan? plan = null) =>
        plan is null ? SpectrumFigure.Build([.. spectra], _ => null, null) : SpectrumFigure.Build([.. spectra], plan);

    /// <summary>Singular values of a dense model's layers, with the ranks that its factorized form has.</summary>
    /// <param name="spectra">Layers of the dense model.</param>
    /// <param name="record">What the factorized model says of itself.</param>
    public static Figure Spectrum(IEnumerable<LayerSpectrum> spectra, FactorizationRecord record) =>
        SpectrumFigure.Build([.. spectra], s => record.Layers.FirstOrDefault(l => l.Name == s.Name)?.Rank, record.Rule);

    /// <summary>Parameters of each layer, dense and as planned.</summary>
    public static Figure ParametersByLayer(RankPlan plan) => LayerBars.Build(LayerChange.Of(plan), plan.Name, $"planned by the rule {plan.Rule}", bytes: false);

    /// <summary>Parameters of each layer, dense and as written.</summary>
    public static Figure ParametersByLayer(FactorizationResult result) => LayerBars.Build(LayerChange.Of(result), result.Name, LayerChange.Told(result), bytes: false);

    /// <summary>Parameters of each tensor of a model that was counted with its details.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: the count has no <see cref="ParameterCount.LayerShapes"/>.</exception>
    public static Figure ParametersByLayer(ParameterCount count) => LayerBars.Build(LayerChange.Of(count), count.Name, "counted from the file's header", bytes: false);

    /// <summary>Parameters of each pair of a factorized model and of the weight it stands for.</summary>
    /// <param name="record">What the model says of itself.</param>
    public static Figure ParametersByLayer(FactorizationRecord record) => LayerBars.Build(LayerChange.Of(record), record.Source, $"told by the record of the factorization, rule {record.Rule}", bytes: false);

    /// <summary>Bytes of each layer, dense and as planned.</summary>
    public static Figure SizeByLayer(RankPlan plan) => LayerBars.Build(LayerChange.Of(plan), plan.Name, $"planned by the rule {plan.Rule}", bytes: true);

    /// <summary>Bytes of each layer, dense and as written.</summary>
    public static Figure SizeByLayer(FactorizationResult result) => LayerBars.Build(LayerChange.Of(result), result.Name, LayerChange.Told(result), bytes: true);

    /// <summary>Bytes of each tensor of a model that was counted with its details.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: the count has no <see cref="ParameterCount.LayerShapes"/>.</exception>
    public static Figure SizeByLayer(ParameterCount count) => LayerBars.Build(LayerChange.Of(count), count.Name, "counted from the file's header", bytes: true);

    /// <summary>Size of models against the rank of their pairs, with the dense models' size.</summary>
    /// <param name="results">Runs at several ranks, of one model or of several; runs that only say what they would do count as well.</param>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: no result has a pair.</exception>
    public static Figure SizeAgainstRank(IEnumerable<FactorizationResult> results) => SizeFigure.Build([.. results]);

    /// <summary>Parameters of a model by the kind of their tensors.</summary>
    public static Figure ParametersByKind(ParameterCount count) => KindBars.Build(count);

    /// <summary>Predicted error of each layer that a plan factorizes.</summary>
    public static Figure ErrorByLayer(RankPlan plan) => ErrorBars.Build(LayerError.Of(plan), plan.Name, LayerError.Told(plan));

    /// <summary>Error of each layer that was factorized, of the factors as stored.</summary>
    public static Figure ErrorByLayer(FactorizationResult result) => ErrorBars.Build(LayerError.Of(result), result.Name, $"measured on the factors as stored, rule {result.Rule}");

    /// <summary>Error of each layer of a factorized model, as its record tells it.</summary>
    public static Figure ErrorByLayer(FactorizationRecord record) => ErrorBars.Build(LayerError.Of(record), record.Source, $"told by the record of the factorization, rule {record.Rule}");

    /// <summary>Best error that ranks can have against the share of parameters that they keep.</summary>
    /// <param name="spectra">Layers with all their singular values.</param>
    /// <param name="plans">Plans to mark; null for none.</param>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: a spectrum lists only its largest values.</exception>
    public static Figure ErrorAgainstKept(IEnumerable<LayerSpectrum> spectra, IEnumerable<RankPlan>? plans = null) => KeptFigure.Build([.. spectra], [.. plans ?? []]);

    /// <summary>Time of layers' pairs against their rank, with the dense layers' time and the ranks at which the two meet.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: nothing was timed.</exception>
    public static Figure TimeAgainstRank(IEnumerable<LayerSpeed> speeds) => LayerTimeFigure.Build([.. speeds]);

    /// <summary>Time of a model's forward run against the rank of its pairs, with the dense model's time.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException"><c>OptionInvalid</c>: nothing was timed.</exception>
    public static Figure ModelTimeAgainstRank(IEnumerable<ModelSpeed> speeds) => ModelTimeFigure.Build([.. speeds]);

    /// <summary>Predicted error of plans for one model against the parameters they keep; those that no other beats in both are joined.</summary>
    /// <remarks>Plans without a predicted error are left out.</remarks>
    public static Figure Pareto(IEnumerable<RankPlan> plans) => ParetoFigure.Build([.. plans]);

    /// <summary>Choices by cost and error; those that no other beats in both are joined.</summary>
    /// <param name="points">The choices.</param>
    /// <param name="costTitle">What the cost is, with its unit.</param>
    /// <param name="errorTitle">What the error is.</param>
    /// <param name="protocol">What was measured, on what.</param>
    public static Figure Pareto(IEnumerable<ParetoPoint> points, string costTitle, string errorTitle, string protocol) =>
        ParetoFigure.Build([.. points], new FigureAxis(costTitle), new FigureAxis(errorTitle), "Cost against error", protocol);

    /// <summary>Losses of trainings, step by step.</summary>
    /// <param name="curves">The trainings.</param>
    /// <param name="protocol">What was trained, on what; null to say no more than the steps.</param>
    public static Figure LossCurves(IEnumerable<LossCurve> curves, string? protocol = null) => LossFigure.Build([.. curves], protocol);

    /// <summary>Relative difference of each tensor of two models.</summary>
    public static Figure Comparison(IEnumerable<TensorDifference> differences) => ComparisonFigure.Build([.. differences]);
}
