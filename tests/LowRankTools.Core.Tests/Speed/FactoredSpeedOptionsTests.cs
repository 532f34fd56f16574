using LowRankTools.Core.Speed;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Speed;

public sealed class FactoredSpeedOptionsTests
{
    public static TheoryData<FactoredSpeedOptions> All => [new TrainSpeedOptions(), new ContractionSpeedOptions(), new ConvolutionSpeedOptions()];

    [Theory]
    [MemberData(nameof(All))]
    public void What_has_no_meaning_for_any_layer_is_refused(FactoredSpeedOptions options)
    {
        options.Validate();
        Refused(options with { BatchSize = 0 });
        Refused(options with { KeepRatio = 0 });
        Refused(options with { KeepRatio = 1 });
        Refused(options with { KeepRatio = double.NaN });
        Refused(options with { Timing = new TimingOptions { MinimumRuns = 0 } });
    }

    [Fact]
    public void Ranks_and_sizes_are_at_least_1()
    {
        Refused(new TrainSpeedOptions { Ranks = [4, 0] });
        Refused(new ContractionSpeedOptions { Ranks = [0] });
        Refused(new ConvolutionSpeedOptions { Height = 0 });
        Refused(new ConvolutionSpeedOptions { Width = -1 });
    }

    [Fact]
    public void A_convolution_is_timed_on_one_image_and_other_layers_on_a_batch()
    {
        Assert.Equal(1, new ConvolutionSpeedOptions().BatchSize);
        Assert.Equal(LayerSpeedOptions.DefaultBatchSize, new TrainSpeedOptions().BatchSize);
    }

    private static void Refused(FactoredSpeedOptions options) => Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(options.Validate).ErrorId);
}
