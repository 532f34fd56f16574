namespace LowRankTools.Networks.Training;

/// <summary>
/// The factor of the learning rate in each step: from 0 up in a straight line over the first steps, then along half a cosine down to
/// <paramref name="Floor"/> in the last one (Loshchilov and Hutter, "SGDR", 2017), or constant.
/// </summary>
/// <param name="Warmup">Steps of the way up; 0 for none.</param>
/// <param name="Cosine">Whether it goes down again.</param>
/// <param name="Floor">Factor in the last step of the way down.</param>
public sealed record LearningRateSchedule(int Warmup = 0, bool Cosine = false, double Floor = 0)
{
    /// <summary>1 in every step.</summary>
    public static LearningRateSchedule Constant { get; } = new();

    /// <summary>The factor of one step.</summary>
    /// <param name="step">1, 2, ...</param>
    /// <param name="steps">Steps of the whole training.</param>
    public double Factor(int step, int steps)
    {
        if (step <= Warmup) return (double)step / Warmup;
        if (!Cosine) return 1;
        double way = (double)(step - Warmup) / Math.Max(1, steps - Warmup);
        return Floor + ((1 - Floor) * 0.5 * (1 + Math.Cos(Math.PI * Math.Min(1, way))));
    }
}
