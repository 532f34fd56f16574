using System.Text.Json;
using LowRankTools.Cli.Tests.Process;
using LowRankTools.Tests;

namespace LowRankTools.Cli.Tests.Commands;

/// <summary>From nothing to a factorization by TorchSharp and back, in processes of their own as users have them.</summary>
public sealed class InstalledEngineTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_folder_is_registered_computes_and_is_forgotten()
    {
        CliRun installed = await Run("engines", "install", "--lib-torch", LibTorchCopy.Folder, "--json");
        Assert.Equal(0, installed.Code);
        Assert.Equal(LibTorchCopy.Folder, installed.Json.Single().GetProperty("Path").GetString());
        Assert.Equal("", installed.Json.Single().GetProperty("Note").GetString());

        JsonElement engine = await TorchSharp();
        Assert.True(engine.GetProperty("Available").GetBoolean(), engine.GetProperty("Reason").GetString());
        Assert.Equal(LibTorchCopy.Folder, engine.GetProperty("Path").GetString());
        Assert.True(engine.GetProperty("MemoryBytes").GetInt64() > 0);
        CliRun factorized = await Run("factorize", _folder.Model(), "--rank", "4", "--engine", "TorchSharp", "--json");
        Assert.Equal("TorchSharp on cpu", factorized.Json.Single().GetProperty("Engine").GetString());

        Assert.Equal(0, (await Run("engines", "uninstall")).Code);
        Assert.False((await TorchSharp()).GetProperty("Available").GetBoolean());
        Assert.True(File.Exists(Path.Combine(LibTorchCopy.Folder, "build-version")));
        Assert.Equal(1, (await Run("engines", "uninstall")).Code);
    }

    [Fact]
    public async Task A_package_is_laid_out_with_its_hashes_and_says_whether_it_can_run()
    {
        CliRun told = await Run("engines", "install", "--what-if");
        Assert.Contains("libtorch-cpu", told.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["engines"]));

        CliRun run = await Run("engines", "install", "--json");
        Assert.True(run.Code == 0, run.Error);
        JsonElement installed = run.Json.Single();
        JsonElement record = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder["engines"], "libtorch", "engine.json"))).RootElement;
        Assert.All(record.GetProperty("Files").EnumerateArray(), f =>
        {
            using FileStream file = File.OpenRead(Path.Combine(_folder["engines"], "libtorch", f.GetProperty("Name").GetString()!));
            Assert.Equal(f.GetProperty("Sha256").GetString(), Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file)));
        });
        Assert.Equal(["libtorch"], Directory.EnumerateFileSystemEntries(_folder["engines"]).Select(Path.GetFileName));

        // Whether TorchSharp's own library runs here is the system's business; either way nothing crashes, and both say the same.
        JsonElement engine = await TorchSharp();
        Assert.Equal(installed.GetProperty("Note").GetString()!.Length == 0, engine.GetProperty("Available").GetBoolean());
        Assert.StartsWith(engine.GetProperty("Reason").GetString()!, installed.GetProperty("Note").GetString(), StringComparison.Ordinal);

        Assert.Equal(run.Json.Single().ToString(), (await Run("engines", "install", "--json")).Json.Single().ToString());
        CliRun other = await Run("engines", "install", "--lib-torch", LibTorchCopy.Folder);
        Assert.Equal((1, true), (other.Code, other.Error.Contains("OutputExists", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task ONNX_Runtime_is_brought_and_holds_graphs_against_each_other()
    {
        string graph = _folder["graph/net.onnx"];
        SmallGraph.Write(graph);
        CliRun missing = await Run("quality", graph, "--reference-path", graph);
        Assert.Equal((1, true), (missing.Code, missing.Error.Contains("EngineUnavailable", StringComparison.Ordinal)));
        Assert.Contains("lowrank engines install --name OnnxRuntime", missing.Error, StringComparison.Ordinal);

        CliRun installed = await Run("engines", "install", "--name", "onnxruntime", "--json");
        Assert.True(installed.Code == 0, installed.Error);
        Assert.Equal(["engine.json", OperatingSystem.IsWindows() ? "onnxruntime.dll" : OperatingSystem.IsMacOS() ? "libonnxruntime.dylib" : "libonnxruntime.so"],
            Directory.EnumerateFiles(installed.Json.Single().GetProperty("Path").GetString()!).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(0, (await Run("factorize", graph, "--rank", "1", "--output-path", _folder["one.onnx"])).Code);
        Assert.Equal(0, (await Run("factorize", graph, "--rank", $"{SmallGraph.Rank}", "--output-path", _folder["all.onnx"])).Code);
        CliRun quality = await Run("quality", _folder["one.onnx"], _folder["all.onnx"], "--reference-path", graph, "--input-shape", "x=4x24", "--sample-count", "2", "--seed", "3", "--json");
        Assert.True(quality.Code == 0, quality.Error);
        double[] errors = [.. quality.Json.Select(q => q.GetProperty("RelativeError").GetDouble())];
        Assert.True(errors[0] > 0.001 && errors[1] < 1e-5, string.Join(' ', errors));
        Assert.All(quality.Json, q => Assert.Contains("random with seed 3: x (4 x 24)", q.GetProperty("Inputs").GetString(), StringComparison.Ordinal));
        Assert.Contains("Relative error", (await Run("quality", _folder["one.onnx"], "--reference-path", graph)).Out, StringComparison.Ordinal);
        Assert.Equal(2, (await Run("quality", _folder["one.onnx"], "--reference-path", graph, "--input-shape", "4x24")).Code);
        CliRun text = await Run("quality", _folder["one.onnx"], "--reference-path", graph, "--token-path", graph, "--sample-count", "2");
        Assert.Contains("OptionInvalid", text.Error, StringComparison.Ordinal);

        string path = installed.Json.Single().GetProperty("Path").GetString()!, registered = _folder["lib"];
        Directory.Move(path, registered);
        Assert.Equal(0, (await Run("engines", "install", "--onnx-runtime", registered)).Code);
        Assert.Equal(0, (await Run("quality", graph, "--reference-path", graph)).Code);
        Assert.Equal(0, (await Run("engines", "uninstall", "--name", "OnnxRuntime")).Code);
        Assert.Equal(2, Directory.EnumerateFiles(registered).Count());
    }

    [Fact]
    public async Task A_source_that_lacks_the_package_is_named_as_the_cause()
    {
        string empty = Directory.CreateDirectory(_folder["source"]).FullName;
        CliRun run = await Run("engines", "install", "--device", "cuda", "--source", empty);
        Assert.Equal(1, run.Code);
        Assert.Contains("EnginePackageNotFound", run.Error, StringComparison.Ordinal);
        Assert.Contains("--lib-torch", run.Error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(_folder["engines"], "libtorch")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder["engines"]));
    }

    // OpenMP shows its settings as it is loaded: what .NET calls the environment is not what a native library sees.
    [LinuxOnlyFact]
    public async Task Threads_of_OpenMP_sleep_while_they_wait()
    {
        using LowRankProcess process = new(new Dictionary<string, string> { ["LIBTORCH"] = LibTorchCopy.Folder, ["OMP_DISPLAY_ENV"] = "true" }, "engines");
        Assert.Contains("OMP_WAIT_POLICY = 'PASSIVE'", (await process.Completed()).Error, StringComparison.Ordinal);
    }

    private async Task<JsonElement> TorchSharp() => (await Run("engines", "--json")).Json.Single(e => e.GetProperty("Name").GetString() == "TorchSharp" && e.GetProperty("Device").GetString() == "cpu");

    private async Task<CliRun> Run(params string[] args)
    {
        using LowRankProcess process = new(new Dictionary<string, string> { ["LOWRANK_ENGINES"] = _folder["engines"] }, args);
        return await process.Completed();
    }
}
