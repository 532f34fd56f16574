using LowRankTools.Core.Adapters;
using LowRankTools.Core.Adapters.Editing;
using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tests.Output;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Adapters;

/// <summary>
/// A writer of adapters is stopped at each of its operations in turn. After each stop the folder holds the old adapter, the
/// new one, or weights without a scale, which readers refuse; never weights with the other's scale.
/// </summary>
public sealed class AdapterFaultTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(AdapterLayout.Peft, Fault.Crash)]
    [InlineData(AdapterLayout.Peft, Fault.Refusal)]
    [InlineData(AdapterLayout.Kohya, Fault.Crash)]
    [InlineData(AdapterLayout.Kohya, Fault.Refusal)]
    public void At_every_stop_there_is_the_old_adapter_or_the_new_one(AdapterLayout layout, Fault fault)
    {
        ModelSource source = TestAdapter.Peft(_folder["in"], """{"r":4,"lora_alpha":6}""", TestAdapter.PeftModule("a", 1, 12, 4, 9));
        // The old adapter has the new one's rank and another scale: only the numbers tell a mixture.
        string after = State(Resize(source, _folder["reference"], layout, new FaultyDisk(fault, int.MaxValue)));
        FaultyDisk counted = new(fault, int.MaxValue);
        string before = Old(_folder["counted"], layout);
        Resize(source, _folder["counted"], layout, counted);
        Assert.NotEqual(before, after);
        for (int stop = 0; stop < counted.Operations.Count; stop++)
        {
            string output = _folder[$"out-{stop}"];
            Old(output, layout);
            FaultyDisk disk = new(fault, stop);
            Exception? error = Record.Exception(() => Resize(source, output, layout, disk));
            disk.Abandon();
            Assert.True(error is null or CrashException or LowRankToolsException { ErrorId: CoreErrors.OutputNotWritable }, $"{counted.Operations[stop]}: {error}");
            Assert.Contains(State(Directory.EnumerateFiles(output, "*.safetensors").Single()), (string[])[before, after, CoreErrors.AdapterScalingUnknown]);
            // The next run into the folder succeeds and leaves nothing but its adapter.
            Assert.Equal(after, State(Resize(source, output, layout, new FaultyDisk(fault, int.MaxValue))));
            Assert.Equal(TestModel.Snapshot(_folder["counted"]), TestModel.Snapshot(output));
        }
    }

    private static string Resize(ModelSource source, string output, AdapterLayout layout, FaultyDisk disk) =>
        new ResizeAdapter(new AdapterRank.Fixed(2), new() { OutputPath = output, Layout = layout, Force = true, Disk = disk }).Run(source).Path;

    private static string Old(string output, AdapterLayout layout)
    {
        if (layout == AdapterLayout.Peft)
            return State(TestAdapter.Peft(output, """{"r":2,"lora_alpha":40}""", TestAdapter.PeftModule("a", 5, 12, 2, 9)).Path);
        return State(TestModel.Write(Path.Combine(output, "in.safetensors"), TestAdapter.KohyaModule("a", 5, 12, 2, 9, 40)));
    }

    /// <summary>What an adapter adds, or the id of the error that reading it is.</summary>
    private static string State(string path)
    {
        try
        {
            using Adapter adapter = Adapter.Open(new ModelSource(path, "x"));
            return string.Join(' ', adapter.Modules.SelectMany(TestAdapter.Delta));
        }
        catch (LowRankToolsException e)
        {
            return e.ErrorId;
        }
    }
}
