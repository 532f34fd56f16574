using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Parts;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Svd;

namespace LowRankTools.Core.Tests.Parts;

/// <summary>A part that is missing, half, foreign or made with other options is named, and nothing is written.</summary>
public sealed class PartFaultTests : IDisposable
{
    private readonly TestFolder _folder = new();
    private readonly ModelSource _source;

    public PartFaultTests()
    {
        _source = Model("net", 1);
        for (int i = 1; i <= 3; i++)
            Part(Options, i);
    }

    public void Dispose() => _folder.Dispose();

    private FactorizeOptions Options => new() { Rule = new RankRule.Fixed(4), OutputPath = _folder["out"] };

    private ModelSource Model(string folder, int seed) =>
        new(TestModel.Write(_folder[$"{folder}/model.safetensors"], [.. Enumerable.Range(0, 5).Select(i => TestModel.Random($"layers.{i}.weight", seed + i, 32, 24))]), "net");

    private void Part(FactorizeOptions options, int number, int of = 3, ModelSource? source = null) => new FactorizePart(options, new PartNumber(number, of)).Run(source ?? _source);

    private string Path(int number, int of = 3) => _folder[$"out/net/parts/{number:D5}-of-{of:D5}.safetensors.part"];

    /// <summary>Joining fails with an id, names the file, and leaves the folder as it was.</summary>
    private void Refuses(string errorId, string names)
    {
        Dictionary<string, string> before = TestModel.Snapshot(_folder.Path);
        LowRankToolsException e = Assert.ThrowsAny<LowRankToolsException>(() => new JoinParts(new JoinPartsOptions()).Run(_folder["out/net"]));
        Assert.Equal(errorId, e.ErrorId);
        Assert.Contains(names, e.Message, StringComparison.Ordinal);
        Assert.Equal(before, TestModel.Snapshot(_folder.Path));
    }

    [Fact]
    public void A_missing_part_is_named()
    {
        File.Delete(Path(2));
        Refuses(CoreErrors.PartMissing, "1 of 3 parts are not there: 2.");
    }

    [Fact]
    public void A_folder_without_parts_is_no_output()
    {
        Directory.Delete(_folder["out/net/parts"], recursive: true);
        Refuses(CoreErrors.PartMissing, _folder["out"]);
    }

    [Theory]
    [InlineData(0), InlineData(7), InlineData(200), InlineData(-1)]
    public void A_half_part_is_named_when_joined_and_when_computed_again(int length)
    {
        byte[] bytes = File.ReadAllBytes(Path(2));
        File.WriteAllBytes(Path(2), bytes[..(length < 0 ? bytes.Length + length : length)]);
        Refuses(CoreErrors.PartInvalid, Path(2));
        Assert.Equal(CoreErrors.PartInvalid, Assert.ThrowsAny<LowRankToolsException>(() => Part(Options, 2)).ErrorId);
        Part(Options with { Force = true }, 2);
        Assert.Equal(bytes, File.ReadAllBytes(Path(2)));
    }

    [Fact]
    public void One_bit_of_a_factor_is_noticed()
    {
        byte[] bytes = File.ReadAllBytes(Path(3));
        bytes[^5] ^= 1;
        File.WriteAllBytes(Path(3), bytes);
        Refuses(CoreErrors.PartInvalid, Path(3));
    }

    [Fact]
    public void A_part_of_another_model_is_named()
    {
        Part(Options with { Force = true }, 2, source: Model("other", 100));
        Refuses(CoreErrors.PartMismatch, Path(2));
    }

    public static TheoryData<string> Changes => ["seed", "rank", "dtype", "split", "bias", "shards", "accuracy"];

    private FactorizeOptions Changed(string what) => what switch
    {
        "seed" => Options with { Svd = new SvdOptions { Seed = 1 } },
        "rank" => Options with { Rule = new RankRule.Fixed(5) },
        "dtype" => Options with { DType = TensorDType.F16 },
        "split" => Options with { Split = FactorSplit.Right },
        "bias" => Options with { FirstBias = true },
        "shards" => Options with { MaxShardBytes = 1000 },
        _ => Options with { Svd = new SvdOptions { Accuracy = SvdAccuracy.Exact } },
    };

    [Theory, MemberData(nameof(Changes))]
    public void A_part_with_other_options_is_named_and_not_written_over(string what)
    {
        byte[] bytes = File.ReadAllBytes(Path(2));
        Assert.Equal(CoreErrors.PartMismatch, Assert.ThrowsAny<LowRankToolsException>(() => Part(Changed(what), 2)).ErrorId);
        Assert.Equal(bytes, File.ReadAllBytes(Path(2)));
        Part(Changed(what) with { Force = true }, 2);
        Refuses(CoreErrors.PartMismatch, Path(2));
    }

    [Fact]
    public void Parts_of_another_number_do_not_mix()
    {
        Part(Options, 1, of: 2);
        Refuses(CoreErrors.PartMismatch, Path(1, 3));
    }

    [Fact]
    public void A_part_under_another_parts_name_is_noticed()
    {
        File.Copy(Path(1), Path(2), overwrite: true);
        Refuses(CoreErrors.PartMismatch, Path(2));
    }

    [Fact]
    public void A_model_that_has_changed_since_is_refused()
    {
        byte[] bytes = File.ReadAllBytes(_source.Path);
        bytes[^1] ^= 1;
        File.WriteAllBytes(_source.Path, bytes);
        Refuses(CoreErrors.PartMismatch, _source.Path);
    }

    [Fact]
    public void Mutated_parts_are_joined_as_they_were_or_refused()
    {
        byte[] bytes = File.ReadAllBytes(Path(1));
        new JoinParts(new JoinPartsOptions { KeepPart = true }).Run(_folder["out/net"]);
        Dictionary<string, (long[] Shape, float[] Values)> good = TestModel.Read(_folder["out/net/model.safetensors"]);
        Random random = new(1);
        for (int i = 0; i < 300; i++)
        {
            byte[] mutated = (byte[])bytes.Clone();
            for (int n = random.Next(1, 4); n > 0; n--)
                mutated[random.Next(mutated.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(Path(1), mutated);
            try
            {
                new JoinParts(new JoinPartsOptions { Force = true, KeepPart = true }).Run(_folder["out/net"]);
                // What a part says of its errors is free text; its factors are not.
                Assert.All(TestModel.Read(_folder["out/net/model.safetensors"]), t => Assert.Equal(good[t.Key].Values, t.Value.Values));
            }
            catch (LowRankToolsException e)
            {
                Assert.Contains(e.ErrorId, new[] { CoreErrors.PartInvalid, CoreErrors.PartMismatch, CoreErrors.PathNotFound });
            }
        }
    }
}
