using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Numerics.Tests;

/// <summary>The embedded engine on the instruction set of this process.</summary>
public sealed class EmbeddedEngineTests : EngineConformance
{
    protected override ITensorEngine Engine { get; } = new EmbeddedEngine();

    [Fact]
    public void The_instruction_set_is_the_one_this_process_was_started_for()
    {
        string? expected = Environment.GetEnvironmentVariable(InstructionSetTests.ExpectedVariable);
        if (expected is null) Assert.NotEmpty(EngineCatalog.InstructionSet);
        else Assert.Equal(expected, EngineCatalog.InstructionSet);
    }

    [Fact]
    public void A_foreign_tensor_is_refused()
    {
        using var foreign = new ForeignTensor();
        Assert.Equal("ForeignTensor", Assert.Throws<LowRankToolsException>(() => Engine.ToMatrix(foreign)).ErrorId);
    }

    private sealed class ForeignTensor : ITensor
    {
        public ElementType ElementType => ElementType.Float32;

        public IReadOnlyList<int> Shape => [1, 1];

        public long Length => 1;

        public void Dispose()
        {
        }
    }
}
