using LowRankTools.Core.Demo.Learning;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Core.Tests;

/// <summary>The small study of learning, smaller still.</summary>
public sealed class LearningStudyTests
{
    private static readonly LearningStudy s_study = new() { Steps = 120, TuningSteps = 30, Width = 16, BatchSize = 8, Rank = 3, LoraRank = 2 };

    [Fact]
    public void Every_road_has_its_row_and_training_helps_on_each()
    {
        IReadOnlyList<LearningRow> rows = s_study.Run(new EmbeddedEngine(new ComputeOptions { ThreadCount = 1 }));
        Assert.Equal(22, rows.Count);
        foreach (LearningRow[] task in rows.Chunk(11))
        {
            LearningRow Row(string method, int skip = 0) => task.Skip(skip).First(row => row.Method.StartsWith(method, StringComparison.Ordinal));
            LearningRow dense = Row("dense, from scratch"), pairs = Row("pairs"), factorized = Row("factorized");
            Assert.Equal(pairs.Parameters, factorized.Parameters);
            Assert.True(pairs.Parameters < dense.Parameters);
            Assert.True(Row("factorized, fine-tuned").Loss < factorized.Loss);
            Assert.True(Row("factorized, distilled").Loss < factorized.Loss);
            Assert.True(Row("learned ranks, fine-tuned").Loss < Row("learned ranks, truncated").Loss);
            LearningRow before = Row("dense, as it was"), lora = Row("LoRA");
            Assert.All((LearningRow[])[Row("dense, fine-tuned"), lora, Row("LoRA, PiSSA")], after => Assert.True(after.Loss < before.Loss));

            // Rank 2 on four layers a block: (16 + 48) + (16 + 16) + 2 (16 + 64) = 256 rows and columns.
            Assert.Equal(dense.Parameters + (2 * 2 * 256), lora.Parameters);
            Assert.Equal(2 * 2 * 256.0 / lora.Parameters, lora.Trained);
            Assert.All(task, row => Assert.InRange(row.Accuracy, 0, 1));
        }

        // The same numbers on other threads.
        Assert.Equal(rows.Select(row => (row.Loss, row.Accuracy)), s_study.Run(new EmbeddedEngine(new ComputeOptions { ThreadCount = 2 })).Select(row => (row.Loss, row.Accuracy)));
    }

    [Fact]
    public void It_stops_when_it_is_told_to()
    {
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => s_study.Run(new EmbeddedEngine(), null, cancel.Token));
    }
}
