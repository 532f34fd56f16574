namespace LowRankTools.Networks.Training;

/// <summary>One step of a training.</summary>
/// <param name="Step">1, 2, ...</param>
/// <param name="Loss">Mean loss of the step's examples, before the step.</param>
/// <param name="RateFactor">Factor of the learning rate.</param>
/// <param name="GradientNorm">Norm of the mean gradient, before clipping.</param>
/// <param name="Validation">Loss on examples that are not trained on, after the step; null where it was not measured.</param>
public sealed record LossPoint(int Step, double Loss, double RateFactor, double GradientNorm, double? Validation);

/// <summary>The losses of a training, step by step.</summary>
public sealed class TrainingCurve
{
    private readonly List<LossPoint> _points = [];

    internal TrainingCurve(IEnumerable<LossPoint>? points = null)
    {
        if (points is not null) _points.AddRange(points);
    }

    /// <summary>One point a step.</summary>
    public IReadOnlyList<LossPoint> Points => _points;

    /// <summary>The point with the least validation loss; null where none was measured.</summary>
    public LossPoint? Best => _points.Where(p => p.Validation is not null).MinBy(p => p.Validation);

    /// <summary>Mean loss of the last steps; NaN before the first.</summary>
    /// <param name="steps">How many at most.</param>
    public double RecentLoss(int steps) => _points.Count == 0 ? double.NaN : _points.TakeLast(steps).Average(p => p.Loss);

    internal void Add(LossPoint point) => _points.Add(point);
}

/// <summary>How far a training has come.</summary>
/// <param name="Point">The step that was just done.</param>
/// <param name="Steps">Steps of the whole training.</param>
public readonly record struct TrainingProgress(LossPoint Point, int Steps);
