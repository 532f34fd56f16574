using System.Text.Json;
using LowRankTools.Tests;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Registering and removing libtorch, and computing with it at once; the console's tests bring a package.</summary>
public sealed class InstallLowRankEngineTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    // The session of this class keeps its engines in a folder of this test's.
    private string Place => $"$env:LOWRANK_ENGINES = '{Path.Combine(_sandbox.Root, "engines")}'; ";

    public void Dispose() => _sandbox.Dispose();

    [PwshFact]
    public void A_registered_folder_computes_in_the_same_session_and_is_forgotten_again()
    {
        Assert.Equal(["False"], Texts("\"$((Get-LowRankEngine TorchSharp).Available)\""));
        JsonElement installed = session.One(_sandbox, $"{Place}Install-LowRankEngine -LibTorch '{LibTorchCopy.Folder}'");
        Assert.Equal((LibTorchCopy.Folder, "cpu", ""), (installed.GetProperty("Path").GetString(), installed.GetProperty("Device").GetString(), installed.GetProperty("Note").GetString()));
        Assert.Equal(["TorchSharp on cpu"], Texts("(Invoke-LowRankFactorization models/tiny.safetensors -Rank 4 -Engine TorchSharp).Engine"));
        Assert.Equal([LibTorchCopy.Folder], Texts("(Uninstall-LowRankEngine).Path"));
        Assert.Equal(["EngineNotInstalled"], session.Run(_sandbox, Place + "Uninstall-LowRankEngine").ErrorIds);
    }

    [PwshFact]
    public void ONNX_Runtime_is_brought_runs_graphs_and_is_removed()
    {
        Assert.Equal(["EngineUnavailable"], session.Run(_sandbox, Place + "Measure-ModelQuality graphs/net.onnx graphs/net.onnx").ErrorIds);
        JsonElement installed = session.One(_sandbox, $"{Place}Install-LowRankEngine OnnxRuntime");
        Assert.Equal(("OnnxRuntime", "Microsoft.ML.OnnxRuntime", ""), (installed.GetProperty("Name").GetString(), installed.GetProperty("Package").GetString(), installed.GetProperty("Note").GetString()));
        Assert.Equal(["True"], Texts("\"$((Get-LowRankEngine OnnxRuntime).Available)\""));
        IReadOnlyList<JsonElement> qualities = session.All(_sandbox, Place + """
            1, 2 | ForEach-Object { Invoke-LowRankFactorization graphs/net.onnx -Rank $_ -OutputPath "rank$_.onnx" } |
                Measure-ModelQuality -ReferencePath graphs/net.onnx -InputShape @{ x = 5, 24 } -SampleCount 3
            """);
        Assert.Equal([3, 3], qualities.Select(q => q.GetProperty("Samples").GetInt32()));
        Assert.All(qualities, q => Assert.Equal("5 x 16", q.GetProperty("Outputs")[0].GetProperty("Shape").GetString()));
        Assert.True(qualities[0].GetProperty("RelativeError").GetDouble() > 0.001);
        Assert.InRange(qualities[1].GetProperty("RelativeError").GetDouble(), 0, 1e-5);
        Assert.Equal(["OnnxRuntime"], Texts("(Uninstall-LowRankEngine OnnxRuntime).Name"));
        Assert.Equal(["EngineNotInstalled"], session.Run(_sandbox, Place + "Uninstall-LowRankEngine OnnxRuntime").ErrorIds);
    }

    [PwshFact]
    public void Sizes_come_before_anything_is_done()
    {
        Reply reply = session.Run(_sandbox, Place + "Install-LowRankEngine -WhatIf; Test-Path $env:LOWRANK_ENGINES");
        Assert.Empty(reply.Errors);
        Assert.False(Assert.Single(reply.Output).GetBoolean());
    }

    [PwshTheory]
    [InlineData("-Device cpu -LibTorch .", "OptionInvalid")]
    [InlineData("-LibTorch models", "LibTorchNotFound")]
    [InlineData("-LibTorch Env:", "PathNotFileSystem")]
    [InlineData("-OnnxRuntime models", "OnnxRuntimeNotFound")]
    [InlineData("-OnnxRuntime . -LibTorch .", "OptionInvalid")]
    [InlineData("OnnxRuntime -LibTorch .", "OptionInvalid")]
    [InlineData("OnnxRuntime -Device cuda", "EngineUnavailable")]
    public void What_cannot_be_installed_is_an_error(string parameters, string id) =>
        Assert.Equal([id], session.Run(_sandbox, $"{Place}Install-LowRankEngine {parameters}").ErrorIds);

    private IEnumerable<string?> Texts(string script) => session.All(_sandbox, Place + script).Select(e => e.GetString());
}
