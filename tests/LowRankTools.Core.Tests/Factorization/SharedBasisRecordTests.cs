using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Factorization;

/// <summary>Records of shared bases that say what the file does not bear out.</summary>
public sealed class SharedBasisRecordTests : IDisposable
{
    private const string First = "h.0.fc.weight", Second = "h.1.fc.weight";

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_record_that_fits_is_merged() => Assert.Equal(2, Merge((r, _) => r).MergedLayers);

    [Theory]
    [InlineData("h.7.fc.weight")]
    [InlineData("norm.weight")]
    [InlineData("")]
    [InlineData(Second)]
    public void A_basis_of_no_pair_or_of_itself_is_refused(string basis) => Refused((record, _) => With(record, Second, basis));

    [Fact]
    public void A_circle_is_refused() => Refused((record, _) => With(With(record, Second, First), First, Second));

    [Fact]
    public void A_name_that_stands_for_nothing_is_refused() => Refused((record, metadata) =>
    {
        metadata.Remove("h.1.fc.0.weight");
        return record;
    });

    [Fact]
    public void A_name_that_stands_for_something_else_is_refused()
    {
        // Of another shape, and of the right shape but other numbers.
        Refused((record, metadata) =>
        {
            metadata["h.1.fc.0.weight"] = "norm.weight";
            return record;
        });
        Refused((record, metadata) =>
        {
            metadata.Remove("h.1.fc.0.weight");
            return record;
        }, TestModel.Random("h.1.fc.0.weight", 3, 4, 20));
    }

    [Fact]
    public void A_rank_that_is_not_the_basis_own_is_refused() => Refused((record, _) => record with { Layers = [.. record.Layers.Select(l => l.Name == Second ? l with { Rank = 3 } : l)] });

    private static FactorizationRecord With(FactorizationRecord record, string layer, string basis) =>
        record with { Layers = [.. record.Layers.Select(l => l.Name == layer ? l with { Basis = basis } : l)] };

    private void Refused(Func<FactorizationRecord, Dictionary<string, string>, FactorizationRecord> change, params (string Name, long[] Shape, float[] Values)[] more) =>
        Assert.Equal(CoreErrors.FactorsInconsistent, Assert.Throws<LowRankToolsException>(() => Merge(change, more)).ErrorId);

    private MergeResult Merge(Func<FactorizationRecord, Dictionary<string, string>, FactorizationRecord> change, params (string Name, long[] Shape, float[] Values)[] more)
    {
        string dense = TestModel.Write(_folder["in/m.safetensors"], TestModel.Random(First, 1, 30, 20), TestModel.Random(Second, 2, 30, 20), TestModel.Random("norm.weight", 3, 20));
        FactorizationResult small = new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(4), ShareBasis = 2, OutputPath = _folder["small"], Force = true }).Run(new ModelSource(dense, "m"));
        Dictionary<string, string> metadata;
        FactorizationRecord record;
        using (Model model = Model.Open(new ModelSource(small.Path, "m")))
            (metadata, record) = (new(model.File.Metadata), model.Record!);
        metadata[FactorizationRecord.MetadataKey] = change(record, metadata).ToMetadata();
        string path = TestModel.Write(_folder["odd/m.safetensors"], metadata, [.. TestModel.Read(small.Path).Select(t => (t.Key, t.Value.Shape, t.Value.Values)), .. more]);
        return new MergeModel(new MergeOptions { OutputPath = _folder["merged"], Force = true }).Run(new ModelSource(path, "m"));
    }
}
