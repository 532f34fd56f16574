using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using LowRankTools.Core.Factorization;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Planning;

public sealed class RankPlanFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private ModelSource Model(int seed = 1) => new(TestModel.Write(_folder[$"in{seed}/m.safetensors"],
        TestModel.Random("a.weight", seed, 12, 20), TestModel.Random("a.bias", seed + 1, 12), TestModel.Random("b.weight", seed + 2, 16, 10), TestModel.Random("conv.weight", seed + 3, 4, 4, 3, 3)), "m");

    private RankPlan Plan() => new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(2) }).Run(Model());

    private static string Text(RankPlan plan) => Encoding.UTF8.GetString(RankPlanFile.ToFile(plan));

    private static RankPlan Parse(string text) => RankPlanFile.Parse(Encoding.UTF8.GetBytes(text), "plan.json");

    [Fact]
    public void What_is_written_is_read_to_the_last_figure()
    {
        RankPlan plan = Plan();
        RankPlanFile.Write(plan, _folder["plans/a.plan.json"], force: false);
        Assert.Equal(Text(plan), Text(RankPlanFile.Read(_folder["plans/a.plan.json"])));
        Assert.Equal(Text(plan), Text(Parse(RankPlanFile.ToLine(plan))));
        Assert.Equal(Text(plan), Text(Parse('\uFEFF' + Text(plan))));
    }

    [Fact]
    public void Every_layer_is_a_line_and_a_changed_rank_changes_it_alone_beside_the_totals()
    {
        RankPlan plan = Plan();
        string[] before = Text(plan).Split('\n');
        plan.Layers[0].Rank = 1;
        string[] after = Text(plan).Split('\n');
        Assert.Equal(before.Length, after.Length);
        Assert.Equal(1, before.Zip(after).Count(l => l.First != l.Second && l.First.Contains(".weight", StringComparison.Ordinal)));
        Assert.Equal(plan.Layers.Count, after.Count(l => l.Contains("\"PlannedRank\"", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_rank_that_was_edited_is_honoured_and_every_figure_is_made_anew()
    {
        RankPlan plan = Plan();
        JsonNode json = JsonNode.Parse(Text(plan))!;
        json["Layers"]![0]!["Rank"] = 1;
        RankPlan read = Parse(json.ToJsonString());
        Assert.Equal((1, 32L, 128L, true, false), (read.Layers[0].Rank, read.Layers[0].Parameters, read.Layers[0].Bytes, read.IsEdited, read.IsOptimal));
        Assert.Equal(plan.Parameters - plan.Layers[0].Parameters + 32, read.Parameters);
        Assert.Null(read.Layers[0].RelativeError);
        FactorizationResult result = new FactorizeModel(new FactorizeOptions { Plan = read, OutputPath = _folder["out"] }).Run(Model());
        Assert.Equal(1, result.Layers[0].Rank);
        Assert.EndsWith(", edited", result.Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_of_version_1_is_carried_out_to_the_same_bytes()
    {
        RankPlan plan = Plan();
        JsonNode json = JsonNode.Parse(Text(plan))!;
        json["Version"] = 1;
        foreach (JsonNode? layer in json["Layers"]!.AsArray())
        {
            foreach (string added in new[] { "Method", "Ranks", "PlannedMethod", "PlannedRanks", "ChannelsLast" })
                Assert.True(layer!.AsObject().Remove(added));
        }
        RankPlan old = Parse(json.ToJsonString());
        Assert.Equal(Text(plan), Text(old));
        byte[][] files = [.. new[] { plan, old }.Select((p, i) => File.ReadAllBytes(new FactorizeModel(new FactorizeOptions { Plan = p, OutputPath = _folder[$"out{i}"] }).Run(Model()).Path))];
        Assert.Equal(files[0], files[1]);
    }

    [Fact]
    public void Figures_that_were_forged_count_for_nothing()
    {
        RankPlan plan = Plan();
        JsonNode json = JsonNode.Parse(Text(plan))!;
        json["Parameters"] = 1;
        json["Layers"]![0]!["Parameters"] = 1;
        json["Layers"]![0]!["Bytes"] = -5;
        Assert.Equal(Text(plan), Text(Parse(json.ToJsonString())));
    }

    [Fact]
    public void Output_is_replaced_by_force_only()
    {
        RankPlan plan = Plan();
        RankPlanFile.Write(plan, _folder["p.json"], force: false);
        Assert.Equal(CoreErrors.OutputExists, Assert.Throws<LowRankToolsException>(() => RankPlanFile.Write(plan, _folder["p.json"], force: false)).ErrorId);
        RankPlanFile.Write(plan, _folder["p.json"], force: true);
        Assert.Equal(CoreErrors.OutputNotWritable, Assert.Throws<LowRankToolsException>(() => RankPlanFile.Write(plan, _folder.Path, force: true)).ErrorId);
        Assert.Equal(CoreErrors.PathNotFound, Assert.Throws<LowRankToolsException>(() => RankPlanFile.Read(_folder["none.json"])).ErrorId);
    }

    public static TheoryData<string, string> Damages => new()
    {
        { "\"Version\": 2", "\"Version\": 4" },
        { "\"Rank\":", "\"Rnak\":" },
        { "\"Rank\":", "\"Rank\": 3, \"Rank\":" },
        { "\"Rule\": \"TargetReduction 2\",", "" },
        { "\"Rule\": \"TargetReduction 2\"", "\"Rule\": null" },
        { "\"Weighting\": \"Relative\"", "\"Weighting\": \"Heavy\"" },
        { "\"Weighting\": \"Relative\"", "\"Weighting\": 99" },
        { "\"Kind\":\"Linear\"", "\"Kind\":99" },
        { "\"Shape\":[12,20]", "\"Shape\":[12,21]" },
        { "\"Shape\":[12,20]", "\"Shape\":[-12,-20]" },
        { "\"Shape\":[12,20],\"Rows\":12,\"Columns\":20", "\"Shape\":[4611686018427387904,4],\"Rows\":0,\"Columns\":0" },
        { "\"Shape\":[12,20],\"Rows\":12,\"Columns\":20", "\"Shape\":[2147483647,2147483647],\"Rows\":2147483647,\"Columns\":2147483647" },
        { "\"Name\":\"a.weight\"", "\"Name\":\"b.weight\"" },
        { "\"Name\":\"a.weight\"", "\"Name\":null" },
        { "\"DTypeBefore\":\"F32\"", "\"DTypeBefore\":\"F33\"" },
        { "\"DTypeBefore\":\"F32\"", "\"DTypeBefore\":\"3\"" },
        { "\"BytesBefore\":960", "\"BytesBefore\":-960" },
        { "\"TiedTo\":null", "\"TiedTo\":\"b.weight\"" },
        { "\"OtherParameters\": 12", "\"OtherParameters\": 9223372036854775807" },
        { "\"MinRank\": 1", "\"MinRank\": 0" },
        { "\"Layers\": [", "\"Layers\": [null," },
        { "\"Layers\": [", "\"Layers\": [[[[[[[[[[[[[" },
        { "\"Layers\": [", "\"Layers\": " },
        { "{", "[" },
    };

    [Theory, MemberData(nameof(Damages))]
    public void A_file_that_makes_no_sense_is_refused(string old, string damaged)
    {
        string text = Text(Plan());
        int at = text.IndexOf(old, StringComparison.Ordinal);
        Assert.True(at >= 0, text);
        Assert.Equal(CoreErrors.PlanInvalid, Assert.Throws<LowRankToolsException>(() => Parse(text[..at] + damaged + text[(at + old.Length)..])).ErrorId);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(13)]
    public void Ranks_that_a_layer_has_not_are_refused(int rank)
    {
        JsonNode json = JsonNode.Parse(Text(Plan()))!;
        json["Layers"]![0]!["Rank"] = rank;
        Assert.Equal(CoreErrors.PlanInvalid, Assert.Throws<LowRankToolsException>(() => Parse(json.ToJsonString())).ErrorId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[1]")]
    [InlineData("not json")]
    public void What_is_no_plan_is_refused(string text) => Assert.Equal(CoreErrors.PlanInvalid, Assert.Throws<LowRankToolsException>(() => Parse(text)).ErrorId);

    [Fact]
    public void Cut_and_mutated_files_are_refused_or_read_and_nothing_else()
    {
        byte[] whole = RankPlanFile.ToFile(Plan());
        Random random = new(7);
        for (int trial = 0; trial < 3000; trial++)
        {
            byte[] bytes = [.. whole];
            for (int change = random.Next(1, 4); change > 0; change--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (trial % 3 == 0)
                bytes = bytes[..random.Next(bytes.Length)];
            try
            {
                RankPlan read = RankPlanFile.Parse(bytes, "p");
                _ = (read.Parameters, read.Bytes, read.Flops, read.ModelBytes, read.RelativeError);
            }
            catch (LowRankToolsException e)
            {
                Assert.Equal(CoreErrors.PlanInvalid, e.ErrorId);
            }
        }
    }

    [Fact]
    public void A_plan_is_for_the_model_that_it_was_made_for_unless_told_otherwise()
    {
        RankPlan plan = Plan();
        ModelSource other = Model(seed: 50);
        FactorizeOptions options = new() { Plan = plan, OutputPath = _folder["out"] };
        Assert.Equal(CoreErrors.PlanModelMismatch, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(options).Run(other)).ErrorId);
        FactorizationResult result = new FactorizeModel(options with { AnyModel = true }).Run(other);
        Assert.Equal(plan.Layers.Select(l => l.Rank), result.Layers.Select(l => l.Rank));
    }

    [Fact]
    public void A_plan_whose_layers_another_model_has_not_is_refused_there()
    {
        ModelSource other = new(TestModel.Write(_folder["x/m.safetensors"], TestModel.Random("a.weight", 1, 12, 20)), "m");
        RankPlan plan = Plan();
        (plan.Layers[0].Rank, plan.Layers[1].Rank) = (4, 4);
        FactorizeOptions options = new() { Plan = plan, AnyModel = true, WhatIf = true };
        Assert.Equal(CoreErrors.LayerNotFound, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(options).Run(other)).ErrorId);
        other = new(TestModel.Write(_folder["y/m.safetensors"], TestModel.Random("a.weight", 1, 3, 3), TestModel.Random("b.weight", 1, 16, 10)), "m");
        Assert.Equal(CoreErrors.RankExceedsLayer, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(options).Run(other)).ErrorId);
    }

    [Fact]
    public void Plans_that_cannot_be_carried_out_are_refused()
    {
        RankPlan adapters = new MakePlan(new PlanOptions { Rule = new RankRule.Fixed(2), IsAdapter = true }).Run(Model());
        Assert.Equal(CoreErrors.PlanInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeModel(new FactorizeOptions { Plan = adapters }).Run(Model())).ErrorId);
        RankPlan plan = Plan();
        Assert.Equal(CoreErrors.RankExceedsLayer, Assert.Throws<LowRankToolsException>(() => plan.Layers[2].Rank = 1).ErrorId); // a convolution
        Assert.Equal(CoreErrors.RankExceedsLayer, Assert.Throws<LowRankToolsException>(() => plan.Layers[0].Rank = 13).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeOptions().Validate()).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeOptions { Plan = plan, Selection = new LayerSelection { IncludeEmbedding = true } }.Validate()).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new FactorizeOptions { Plan = plan, Rule = new RankRule.Fixed(1) }.Validate()).ErrorId);
    }

    [Fact]
    public void Every_public_property_of_a_plan_and_its_layers_is_written_under_its_name()
    {
        using JsonDocument document = JsonDocument.Parse(RankPlanFile.ToFile(Plan()));
        Assert.Equal(Names<RankPlan>(), document.RootElement.EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));
        // Only layers that share a basis say so: the others are written as they were before there were such.
        Assert.Equal(Names<LayerPlan>().Where(n => n != nameof(LayerPlan.Basis)), document.RootElement.GetProperty("Layers")[0].EnumerateObject().Select(p => p.Name).Order(StringComparer.Ordinal));

        static IEnumerable<string> Names<T>() => typeof(T).GetProperties().Select(p => p.Name).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void The_schema_names_every_property_and_every_name_of_an_enumeration()
    {
        using JsonDocument schema = JsonDocument.Parse(File.ReadAllText(Path.Combine(RepositoryRoot(), "docs", "rank-plan.schema.json")));
        foreach (RankPlan plan in new[] { Plan(), new MakePlan(new PlanOptions { Rule = new RankRule.Fixed(2) }).Run([new MatrixShape(9, 8)]) })
        {
            using JsonDocument document = JsonDocument.Parse(RankPlanFile.ToFile(plan));
            SchemaCheck.Valid(schema.RootElement, document.RootElement);
        }
        JsonElement layer = schema.RootElement.GetProperty("properties").GetProperty("Layers").GetProperty("items").GetProperty("properties");
        Assert.Equal(Enum.GetNames<KeepReason>(), Names(layer.GetProperty("Reason")));
        Assert.Equal(Enum.GetNames<LayerKind>(), Names(layer.GetProperty("Kind")));
        Assert.Equal(Enum.GetNames<Weighting>(), Names(schema.RootElement.GetProperty("properties").GetProperty("Weighting")));
        Assert.Equal(Enum.GetNames<SpectrumOrigin>(), Names(schema.RootElement.GetProperty("properties").GetProperty("Spectrum")));

        static IEnumerable<string?> Names(JsonElement property) => property.GetProperty("enum").EnumerateArray().Select(n => n.GetString());
    }

    internal static string RepositoryRoot()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "LowRankTools.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder!;
    }
}
