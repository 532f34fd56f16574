using System.Text.Json;
using LowRankTools.Core.Layers;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Models;

public sealed class DimensionsTests
{
    [Theory]
    [InlineData("512 x 2048")]
    [InlineData("7")]
    [InlineData("0 x 3 x 5")]
    [InlineData("scalar")]
    public void Text_and_value_are_each_others_inverse(string text) => Assert.Equal(text, Dimensions.Parse(text).ToString());

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("3 x -1")]
    [InlineData("3 by 4")]
    [InlineData("99999999999999999999")]
    public void What_is_no_shape_is_refused(string text) =>
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => Dimensions.Parse(text)).ErrorId);

    [Fact]
    public void Equal_sizes_are_one_value()
    {
        Dimensions a = [3, 4], b = Dimensions.Parse("3x4"), other = [4, 3];
        Assert.True(a == b && a.GetHashCode() == b.GetHashCode() && a != other && !a.Equals(null));
    }

    [Fact]
    public void The_order_is_total()
    {
        Dimensions[] sorted = [[], [2], [10], [2, 30], [10, 3], [1, 1, 1]];
        for (int i = 0; i < sorted.Length; i++)
        {
            for (int j = 0; j < sorted.Length; j++)
                Assert.Equal(i.CompareTo(j), Math.Sign(sorted[i].CompareTo(sorted[j])));
        }
    }

    [Theory]
    [InlineData("[3,4]")]
    [InlineData("\"3 x 4\"")]
    [InlineData("{\"Sizes\":[3,4],\"Count\":2}")]
    public void Each_way_it_is_written_in_JSON_can_be_read(string json)
    {
        Dimensions read = JsonSerializer.Deserialize<Dimensions>(json)!;
        Assert.Equal([3, 4], read);
        Assert.Equal("[3,4]", JsonSerializer.Serialize(read));
    }

    [Theory]
    [InlineData("[3,\"4\"]")]
    [InlineData("[3.5]")]
    [InlineData("3")]
    [InlineData("{}")]
    [InlineData("\"a\"")]
    [InlineData("{\"Sizes\":[3],\"Name\":1}")]
    public void Other_JSON_is_refused(string json) => Assert.ThrowsAny<JsonException>(() => JsonSerializer.Deserialize<Dimensions>(json));
}
