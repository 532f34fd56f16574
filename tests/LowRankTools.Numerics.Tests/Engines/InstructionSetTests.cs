using System.Diagnostics;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LowRankTools.Numerics.Tests;

/// <summary>
/// Runs the conformance suite and the product tests again in child processes in which the wider instruction sets are
/// switched off, so that every kernel is tested wherever the widest one is.
/// </summary>
public sealed class InstructionSetTests
{
    internal const string ExpectedVariable = "LOWRANK_TEST_INSTRUCTION_SET";

    private const string Filter = "FullyQualifiedName~EmbeddedEngineTests|FullyQualifiedName~SymmetricEigenTests.The_bits";

    [X86WithFact("AVX-512")]
    public void Conformance_holds_on_AVX2() => RunChild("AVX2", "DOTNET_EnableAVX512");

    [X86WithFact("AVX2")]
    public void Conformance_holds_on_128_bits() => RunChild("SSE", "DOTNET_EnableAVX");

    [X86WithFact("SSE")]
    public void Conformance_holds_without_vectors() => RunChild("Scalar", "DOTNET_EnableHWIntrinsic");

    private static void RunChild(string expected, string switchedOff)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (string argument in new[] { "vstest", typeof(InstructionSetTests).Assembly.Location, $"--TestCaseFilter:{Filter}" }) start.ArgumentList.Add(argument);
        start.Environment[switchedOff] = "0";
        start.Environment[ExpectedVariable] = expected;
        using Process child = Process.Start(start)!;
        Task<string> errors = child.StandardError.ReadToEndAsync();
        string output = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        Assert.True(child.ExitCode == 0, $"{expected}: exit code {child.ExitCode}\n{output}\n{errors.Result}");
        Assert.Contains("Passed!", output, StringComparison.Ordinal);
    }

    /// <summary>A test that needs at least this instruction set to have something to switch off.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    private sealed class X86WithFactAttribute : FactAttribute
    {
        public X86WithFactAttribute(string instructionSet)
        {
            bool there = instructionSet switch
            {
                "AVX-512" => Vector512.IsHardwareAccelerated,
                "AVX2" => Avx2.IsSupported,
                _ => Sse2.IsSupported,
            };
            if (!there) Skip = $"needs a processor with {instructionSet}";
        }
    }
}
