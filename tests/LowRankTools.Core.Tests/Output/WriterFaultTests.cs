using LowRankTools.Core.Factorization;
using LowRankTools.Core.Merging;
using LowRankTools.Core.Models;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Tests.Gguf;
using LowRankTools.Core.Tests.Graphs;
using LowRankTools.Formats;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using Xunit.Abstractions;

namespace LowRankTools.Core.Tests.Output;

/// <summary>
/// A writer is stopped at each of its operations in turn. After each stop readers see the old model, the new one, or an
/// error with a name; the source is whole; and the next run succeeds and leaves nothing but its model.
/// </summary>
public sealed class WriterFaultTests(ITestOutputHelper log) : IDisposable
{
    private const long Shard = 4000;
    private const int NoFault = int.MaxValue;

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>What is written, over what.</summary>
    public enum Old
    {
        Nothing,
        OneFile,
        Sharded,
    }

    public static TheoryData<bool, ModelFormat, bool, Old, Fault> Cases()
    {
        TheoryData<bool, ModelFormat, bool, Old, Fault> cases = [];
        foreach (bool merge in (bool[])[false, true])
        {
            foreach (Fault fault in Enum.GetValues<Fault>())
            {
                foreach (Old old in Enum.GetValues<Old>())
                {
                    cases.Add(merge, ModelFormat.Safetensors, false, old, fault);
                    cases.Add(merge, ModelFormat.Safetensors, true, old, fault);
                }
                cases.Add(merge, ModelFormat.PyTorch, false, Old.Nothing, fault);
                cases.Add(merge, ModelFormat.PyTorch, false, Old.OneFile, fault);
            }
        }
        // A graph, one with its values in a data file, and a GGUF.
        foreach (Fault fault in Enum.GetValues<Fault>())
        {
            foreach (Old old in (Old[])[Old.Nothing, Old.OneFile])
            {
                cases.Add(false, ModelFormat.Onnx, false, old, fault);
                cases.Add(false, ModelFormat.Onnx, true, old, fault);
                cases.Add(false, ModelFormat.Gguf, false, old, fault);
            }
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void At_every_stop_there_is_the_old_model_or_the_new_one(bool merge, ModelFormat format, bool sharded, Old old, Fault fault)
    {
        Writer writer = format == ModelFormat.Onnx ? new(merge, format, Sharded: false, old, Graph(1, sharded), Graph(2, sharded))
            : format == ModelFormat.Gguf ? new(merge, format, Sharded: false, old, Gguf(1), Gguf(2))
            : new(merge, format, sharded, old, Source(merge, 1), Source(merge, 2));
        string reference = _folder["reference"];
        FaultyDisk counted = new(fault, NoFault);
        Assert.Null(Record.Exception(() => writer.Run(reference, counted)));
        string before = writer.OldState(_folder["old"]), after = Assert.Single(States(reference));
        Dictionary<string, string> sources = TestModel.Snapshot(_folder["source"]);
        for (int stop = 0; stop < counted.Operations.Count; stop++)
        {
            string output = _folder[$"out-{stop}"];
            writer.WriteOld(output);
            FaultyDisk disk = new(fault, stop);
            Exception? error = Record.Exception(() => writer.Run(output, disk));
            disk.Abandon();
            Assert.True(disk.Failed, counted.Operations[stop]);
            Assert.True(error is null or CrashException or LowRankToolsException { ErrorId: nameof(CoreErrors.OutputNotWritable) }, $"{counted.Operations[stop]}: {error}");
            Assert.All(States(output), state => Assert.Contains(state, (string[])[before, after, ""]));
            Assert.Equal(sources, TestModel.Snapshot(_folder["source"]));
            // The model that was there is there until the new one is.
            if (old != Old.Nothing)
                Assert.Contains(States(output), state => state == before || state == after);

            bool stands = States(output).Contains(after);
            writer.Again(output, stands || old != Old.Nothing);
            Assert.Equal([after], States(output));
            Assert.Equal(Files(reference).Count, Files(output).Count);
            Directory.Delete(output, recursive: true);
        }
        log.WriteLine($"{counted.Operations.Count} stopping points");
        Assert.InRange(counted.Operations.Count, 10, 1000);
    }

    [Fact]
    public void Bytes_are_flushed_before_they_get_a_name_and_names_before_old_files_go()
    {
        Writer writer = new(false, ModelFormat.Safetensors, true, Old.Sharded, Source(false, 1), Source(false, 2));
        writer.WriteOld(_folder["out"]);
        FaultyDisk disk = new(Fault.Crash, NoFault);
        writer.Run(_folder["out"], disk);
        List<string> operations = disk.Operations;
        foreach (string created in operations.Where(o => o.StartsWith("create ", StringComparison.Ordinal) && o.EndsWith(".tmp", StringComparison.Ordinal)))
        {
            string path = created["create ".Length..];
            int renamed = operations.FindIndex(o => o.StartsWith($"rename {path}", StringComparison.Ordinal));
            Assert.InRange(operations.FindIndex(o => o == $"flush {path}"), operations.FindLastIndex(o => o == $"write {path}") + 1, renamed - 1);
        }
        int commit = operations.FindIndex(o => o.EndsWith("model.safetensors.index.json", StringComparison.Ordinal) && o.StartsWith("rename", StringComparison.Ordinal));
        Assert.StartsWith("flush folder", operations[commit - 1], StringComparison.Ordinal);
        Assert.StartsWith("flush folder", operations[commit + 1], StringComparison.Ordinal);
        Assert.True(operations.FindIndex(o => o.StartsWith("delete", StringComparison.Ordinal)) > commit);
    }

    private ModelSource Source(bool factorized, int seed)
    {
        (string, long[], float[])[] tensors = [.. Enumerable.Range(0, 4).Select(i => TestModel.Random($"l{i}.weight", 10 * seed + i, 30, 30))];
        ModelSource dense = new(TestModel.Write(_folder[$"source/dense-{seed}.safetensors"], tensors), "m");
        if (!factorized)
            return dense;
        string pairs = _folder[$"source/pairs-{seed}.safetensors"];
        new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(5), OutputPath = pairs }).Run(dense);
        return new ModelSource(pairs, "m");
    }

    private ModelSource Gguf(int seed) => TestGguf.Model().With(TestModel.Random("blk.0.ffn_up.weight", seed, 30, 30)).With(TestModel.Random("blk.0.ffn_down.weight", seed + 5, 30, 30)).Write(_folder[$"source/{seed}/m.gguf"]);

    private ModelSource Graph(int seed, bool data) => GraphModel.Write(_folder[$"source/{seed}/m.onnx"], dataFile: data ? "values" : null);

    /// <summary>Every model that a reader finds, by its content; empty for one that is refused with a named error.</summary>
    private static List<string> States(string folder)
    {
        try
        {
            return [.. new ModelLocator().Find(folder, recurse: true).Select(State)];
        }
        catch (LowRankToolsException)
        {
            return [];
        }
    }

    private static string State(ModelSource source)
    {
        try
        {
            using Model model = Model.Open(source);
            return ModelFingerprint.Compute(model.File) + string.Join(',', model.Record?.Layers.Select(l => l.Rank) ?? []);
        }
        catch (Exception e) when (e is LowRankToolsException or FileNotFoundException)
        {
            return "";
        }
    }

    private static List<string> Files(string folder) => [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)];

    private sealed record Writer(bool Merge, ModelFormat Format, bool Sharded, Old Old, ModelSource First, ModelSource Second)
    {
        public void WriteOld(string output)
        {
            if (Old != Old.Nothing)
                Write(First, output, Old == Old.Sharded, force: false, OutputDisk.Local, rank: 3);
        }

        public string OldState(string output)
        {
            WriteOld(output);
            return Old == Old.Nothing ? "" : Assert.Single(States(output));
        }

        public void Run(string output, OutputDisk disk) => Write(Second, output, Sharded, Old != Old.Nothing, disk, rank: 5);

        public void Again(string output, bool force) => Write(Second, output, Sharded, force, OutputDisk.Local, rank: 5);

        private void Write(ModelSource source, string output, bool sharded, bool force, OutputDisk disk, int rank)
        {
            if (Merge)
                new MergeModel(new MergeOptions { OutputPath = output, Format = Format, MaxShardBytes = sharded ? Shard : 0, Force = force, Disk = disk }).Run(source);
            else
                new FactorizeModel(new FactorizeOptions { Rule = new RankRule.Fixed(rank), OutputPath = output, Format = Format, MaxShardBytes = sharded ? Shard / 4 : 0, Force = force, Disk = disk }).Run(source);
        }
    }
}
