using LowRankTools.Core.Layers;
using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Speed;

public sealed class MeasureContractionSpeedTests
{
    [Fact]
    public void Every_layer_that_there_is_for_the_modes_is_timed_within_the_ratio()
    {
        IReadOnlyList<ContractionSpeed> results = Run([6, 4, 5], [3, 2, 4], keepRatio: 0.3);
        Assert.Equal(Enum.GetValues<ContractionMethod>(), results.Select(r => r.Method));
        Assert.Equal(((6 * 3) + (4 * 2) + (5 * 4), (Dimensions?)null), (results[0].Parameters, results[0].Ranks));
        foreach (ContractionSpeed speed in results)
        {
            Assert.Equal((120 * 24, 2L * 8 * 120 * 24), (speed.ParametersBefore, speed.DenseFlops));
            Assert.InRange(speed.Parameters, 1, (long)(0.3 * speed.ParametersBefore));
            Assert.True(speed.FactoredFlops > 0 && speed.Dense.Runs == 2 && speed.Factored.Runs == 2);
        }
        // The ranks are the largest: one more of each would be above the ratio.
        Assert.Equal([1, 6, 5], results.Skip(1).Select(r => r.Ranks!.Count));
        long modes = 6 + 4 + 5 + 3 + 2 + 4;
        Assert.True((results[1].Ranks![0] + 1) * (modes + 1) > 0.3 * results[1].ParametersBefore);
    }

    [Fact]
    public void A_contraction_is_left_out_where_it_would_give_other_modes_than_it_takes()
    {
        Assert.DoesNotContain(ContractionMethod.Contraction, Run([6, 4, 5], [10], 0.5).Select(r => r.Method));
        Refused([6, 4, 5], [10], new ContractionSpeedOptions { Method = ContractionMethod.Contraction });
    }

    [Fact]
    public void Ranks_are_those_of_all_modes_that_have_them()
    {
        IReadOnlyList<ContractionSpeed> results = new MeasureContractionSpeed(Quick with { Method = ContractionMethod.Tucker, Ranks = [9, 4, 4] }).Run([6, 4, 5], [10]);
        Assert.Equal(["4 x 4 x 4 x 4", "6 x 4 x 5 x 9"], results.Select(r => r.Ranks!.ToString()));
        Refused([6, 4], [3, 2], new ContractionSpeedOptions { Method = ContractionMethod.Contraction, Ranks = [2] });
    }

    [Fact]
    public void Modes_that_no_layer_has_are_refused()
    {
        Refused([], [10], Quick);
        Refused([6, 0], [10], Quick);
        Refused([2, 2, 2, 2, 2], [2, 2, 2, 2], Quick);
        Refused([1 << 20, 1 << 20], [10], Quick);
        Refused([6], [10], Quick with { KeepRatio = 1 });
    }

    private static ContractionSpeedOptions Quick => new() { BatchSize = 8, ThreadCount = 1, Timing = new TimingOptions().WithRuns(2) };

    private static IReadOnlyList<ContractionSpeed> Run(Dimensions input, Dimensions output, double keepRatio) => new MeasureContractionSpeed(Quick with { KeepRatio = keepRatio }).Run(input, output);

    private static void Refused(Dimensions input, Dimensions output, ContractionSpeedOptions options) =>
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new MeasureContractionSpeed(options).Run(input, output)).ErrorId);
}
