using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Tests.Calibration;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Output;

/// <summary>Files that a run must not touch, whatever it is asked for.</summary>
public sealed class OutputSafetyTests : IDisposable
{
    private const long SmallShard = 1500;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static (string, long[], float[])[] Tensors(int seed = 0) =>
        [.. Enumerable.Range(0, 4).Select(i => TestModel.Random($"l{i}.weight", seed + i, 30, 30))];

    private ModelSource Model(string name, int seed = 0) => new(TestModel.Write(_folder[name], Tensors(seed)), "m");

    private static FactorizeOptions To(string output, bool force = false, long shard = 0) =>
        new() { Rule = new RankRule.Fixed(4), OutputPath = output, Force = force, MaxShardBytes = shard };

    private static string ErrorOf(Action run) => Assert.ThrowsAny<LowRankToolsException>(run).ErrorId;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_shard_never_takes_the_name_of_the_source(bool force)
    {
        int shards = FilesOf(new FactorizeModel(To(_folder["other/model.safetensors"], shard: SmallShard)).Run(Model("d/any.safetensors"))) - 1;
        ModelSource source = Model($"d/model-00001-of-{shards:D5}.safetensors");
        Dictionary<string, string> before = TestModel.Snapshot(_folder["d"]);
        Assert.Equal(CoreErrors.OutputIsSource, ErrorOf(() => new FactorizeModel(To(_folder["d/model.safetensors"], force, SmallShard)).Run(source)));
        Assert.Equal(before, TestModel.Snapshot(_folder["d"]));
    }

    [Fact]
    public void A_shard_takes_the_name_of_no_other_file()
    {
        ModelSource source = Model("in/m.safetensors");
        int shards = FilesOf(new FactorizeModel(To(_folder["other/model.safetensors"], shard: SmallShard)).Run(source)) - 1;
        string stranger = _folder.Touch($"out/model-00002-of-{shards:D5}.safetensors");
        Assert.Equal(CoreErrors.OutputExists, ErrorOf(() => new FactorizeModel(To(_folder["out/model.safetensors"], shard: SmallShard)).Run(source)));
        FactorizationResult written = new FactorizeModel(To(_folder["out/model.safetensors"], force: true, SmallShard)).Run(source);
        Assert.Equal(0, new FileInfo(stranger).Length);
        Assert.Equal(8, TestModel.Read(written.Path).Count);
    }

    [Theory]
    [InlineData("folder")]
    [InlineData("file")]
    [InlineData("hard")]
    public void A_link_does_not_hide_that_the_target_is_the_source(string kind)
    {
        ModelSource source = Model("real/model.safetensors");
        string target = _folder["link/model.safetensors"];
        if (kind == "folder")
            Directory.CreateSymbolicLink(_folder["link"], _folder["real"]);
        else
            Directory.CreateDirectory(_folder["link"]);
        if (kind == "file")
            File.CreateSymbolicLink(target, source.Path);
        if (kind == "hard")
            HardLink.Create(source.Path, target);
        Dictionary<string, string> before = TestModel.Snapshot(_folder["real"]);
        Assert.Equal(CoreErrors.OutputIsSource, ErrorOf(() => new FactorizeModel(To(target, force: true)).Run(source)));
        Assert.Equal(before, TestModel.Snapshot(_folder["real"]));
    }

    [Fact]
    public void A_calibration_is_not_written_over_by_what_it_made()
    {
        ModelSource source = Model("in/m.safetensors");
        double[,] inputs = new double[30, 60];
        for (int i = 0; i < inputs.Length; i++)
            inputs[i / 60, i % 60] = Math.Sin(i * i);
        string grams = CalibrationFiles.Write(_folder["grams.safetensors"], CalibrationFiles.Gram("l0", inputs));
        FactorizeOptions options = To(grams, force: true) with { Calibration = new CalibrationOptions { Path = grams } };
        Assert.Equal(CoreErrors.OutputIsSource, ErrorOf(() => new FactorizeModel(options).Run(source)));
    }

    [Theory]
    [InlineData("thesis.docx")]
    [InlineData("../thesis.docx")]
    [InlineData("model-00001-of-00002.safetensors")]
    [InlineData("else-00001-of-00002.safetensors")]
    public void An_index_is_not_believed_about_what_may_be_deleted(string named)
    {
        ModelSource source = Model("in/m.safetensors");
        string index = _folder.Touch("out/model.safetensors.index.json"), precious = Path.GetFullPath(named, _folder["out"]);
        File.WriteAllText(index, $$$"""{"weight_map":{"a":"{{{named}}}"}}""");
        File.WriteAllText(precious, "three years of work");
        FactorizeOptions options = To(_folder["out/model.safetensors"], force: true);
        FactorizationResult planned = new FactorizeModel(options with { WhatIf = true }).Run(source);
        Assert.Equal([index], planned.Displaced);
        FactorizationResult written = new FactorizeModel(options).Run(source);
        Assert.Equal("three years of work", File.ReadAllText(precious));
        Assert.Equal([index], written.Displaced);
        Assert.False(File.Exists(index));
    }

    [Fact]
    public void What_force_removes_is_told_before()
    {
        ModelSource source = Model("in/m.safetensors");
        new FactorizeModel(To(_folder["out/model.safetensors"], shard: SmallShard)).Run(source);
        string[] old = [.. Directory.GetFiles(_folder["out"]).Order(StringComparer.Ordinal)];
        FactorizationResult planned = new FactorizeModel(To(_folder["out/model.safetensors"], force: true) with { WhatIf = true }).Run(source);
        Assert.Equal(old, planned.Displaced.Order(StringComparer.Ordinal));
        Assert.Equal(old, Directory.GetFiles(_folder["out"]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Of_two_writers_of_one_output_one_is_refused()
    {
        ModelSource[] sources = [Model("a/m.safetensors", 1), Model("b/m.safetensors", 2)];
        for (int round = 0; round < 20; round++)
        {
            string output = _folder[$"out-{round}/model.safetensors"];
            using Barrier start = new(2);
            Task<Exception?>[] runs = [.. sources.Select(s => Task.Factory.StartNew<Exception?>(() =>
            {
                start.SignalAndWait();
                return Record.Exception(() => new FactorizeModel(To(output, shard: round % 2 * SmallShard)).Run(s));
            }, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
            Exception?[] errors = await Task.WhenAll(runs);
            Assert.Single(errors, e => e is null);
            Assert.Contains(Assert.IsAssignableFrom<LowRankToolsException>(errors.Single(e => e is not null)).ErrorId, (string[])[CoreErrors.OutputBusy, CoreErrors.OutputExists]);
        }
    }

    [Fact]
    public void A_running_writer_keeps_others_out_even_with_force_and_its_files_are_left_alone()
    {
        ModelSource source = Model("in/m.safetensors");
        string output = _folder["out/model.safetensors"];
        During meanwhile = new("l2.0.weight", () =>
        {
            int files = Directory.GetFiles(_folder["out"]).Length;
            Assert.Equal(CoreErrors.OutputBusy, ErrorOf(() => new FactorizeModel(To(output, force: true)).Run(source)));
            new FactorizeModel(To(_folder["out/other.safetensors"])).Run(source);
            Assert.Equal(files + 2, Directory.GetFiles(_folder["out"]).Length);
        });
        new FactorizeModel(To(output)).Run(source, meanwhile);
        Assert.True(meanwhile.Done);
        Assert.Equal(["model.lowrank.json", "model.safetensors", "other.lowrank.json", "other.safetensors"], Directory.GetFiles(_folder["out"]).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_source_that_changes_while_it_is_read_makes_no_output(bool sameTime)
    {
        ModelSource source = Model("in/m.safetensors");
        DateTime written = File.GetLastWriteTimeUtc(source.Path);
        During change = new("l2.0.weight", () =>
        {
            if (sameTime)
            {
                // Another file in its place, of the same length and time.
                string other = TestModel.Write(_folder["other.safetensors"], Tensors(7));
                File.Move(other, source.Path, overwrite: true);
                File.SetLastWriteTimeUtc(source.Path, written);
            }
            else
            {
                using FileStream file = new(source.Path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete);
                file.Seek(-100, SeekOrigin.End);
                file.Write(new byte[100]);
            }
        });
        LowRankToolsException error = Assert.ThrowsAny<LowRankToolsException>(() => new FactorizeModel(To(_folder["out"])).Run(source, change));
        Assert.True(change.Done);
        Assert.Equal(CoreErrors.SourceChanged, error.ErrorId);
        Assert.Contains(source.Path, error.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["out"]));
    }

    [Fact]
    public void The_first_error_stands_when_the_target_folder_is_removed()
    {
        ModelSource source = Model("in/m.safetensors");
        During remove = new("l2.0.weight", () => Directory.Delete(_folder["out"], recursive: true));
        LowRankToolsException error = Assert.ThrowsAny<LowRankToolsException>(() => new FactorizeModel(To(_folder["out/m.safetensors"], shard: SmallShard)).Run(source, remove));
        Assert.Equal(CoreErrors.OutputNotWritable, error.ErrorId);
        Assert.Contains(_folder["out"], error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_killed_run_left_is_removed_and_told_and_what_others_left_is_not()
    {
        ModelSource source = Model("in/m.safetensors");
        string[] left = [_folder.Touch("out/.model.lowrank.lock"), _folder.Touch("out/.model.lowrank.abcdefgh.ijk.tmp"), _folder.Touch("out/.gone.lowrank.lock"), _folder.Touch("out/.gone.lowrank.abcdefgh.ijk.tmp")];
        string[] others = [_folder.Touch("out/.editor.lock"), _folder.Touch("out/.editor.abcdefgh.ijk.tmp"), _folder.Touch("out/.model.lowrank.notes.tmp"), _folder.Touch("out/draft.tmp")];
        FactorizationResult result = new FactorizeModel(To(_folder["out/model.safetensors"])).Run(source);
        Assert.NotEqual("", result.Note);
        Assert.All(left, path => Assert.False(File.Exists(path), path));
        Assert.All(others, path => Assert.True(File.Exists(path), path));
        Assert.Equal("", new FactorizeModel(To(_folder["out/model.safetensors"], force: true)).Run(source).Note);
    }

    [Fact]
    public void A_note_of_a_killed_run_is_not_believed_about_what_may_be_deleted()
    {
        ModelSource source = Model("in/m.safetensors");
        FactorizationResult whole = new FactorizeModel(To(_folder["out/kept.safetensors"], shard: SmallShard)).Run(source);
        string precious = _folder.Touch("out/thesis.docx"), outside = _folder.Touch("thesis.docx");
        string[] named = [precious, outside, .. Directory.GetFiles(_folder["out"], "kept-*")];
        File.WriteAllLines(_folder["out/.model.lowrank.lock"], named.Select(f => $"{FileStamp.Of(f)} {Path.GetRelativePath(_folder["out"], f)}"));
        new FactorizeModel(To(_folder["out/model.safetensors"])).Run(source);
        Assert.True(File.Exists(precious) && File.Exists(outside));
        Assert.Equal(8, TestModel.Read(whole.Path).Count);
    }

    private static int FilesOf(FactorizationResult result)
    {
        using TensorFile file = TensorFiles.Open(result.Path);
        return file.Files.Count;
    }

    /// <summary>Does something when a run comes to an item.</summary>
    private sealed class During(string item, Action action) : IProgress<OperationProgress>
    {
        public bool Done { get; private set; }

        public void Report(OperationProgress value)
        {
            if (Done || value.Item != item)
                return;
            Done = true;
            action();
        }
    }
}
