using LowRankTools.Core;
using LowRankTools.Fuzzing.Inputs;
using LowRankTools.Fuzzing.Models;
using LowRankTools.Fuzzing.Running;
using Xunit.Abstractions;

namespace LowRankTools.Fuzzing;

/// <summary>
/// Hundreds of thousands of damaged models of every format. <c>LOWRANK_FUZZ_INPUTS</c> says how many,
/// <c>LOWRANK_FUZZ_SEED</c> where to begin; a failure names the seed that makes its input again.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    /// <summary>From here on every kind of outcome is met many times.</summary>
    private const int EnoughToCount = 50_000;

    /// <summary>All threads together, the runtime included: more than ten times what it takes.</summary>
    private const long MostMemory = 2L << 30;

    [Fact]
    public void The_models_are_whole_before_they_are_damaged()
    {
        foreach (ModelFiles model in Corpus.All)
        {
            string folder = Directory.CreateTempSubdirectory("lowrank-fuzz-").FullName;
            try
            {
                FuzzInput whole = new(0, model.Name, model.Entry.Name, model.Entry.Kind, [.. model.Others.Prepend(model.Entry).Select(p => (p.Name, p.Bytes))], [], []);
                Verdict verdict = Examination.Examine(whole, folder, everything: true);
                // The rule is drawn by the input; some leave nothing of a model this small that would pay.
                Assert.True(verdict is { Refused: null, Merged: Verdict.Done } or { Refused: null, Factorized: CoreErrors.NothingToFactorize }, $"{model.Name}: {verdict}");
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }
    }

    [Fact]
    public void A_seed_makes_one_input()
    {
        foreach (int seed in Enumerable.Range(1, 500))
        {
            FuzzInput once = InputMaker.Make(seed), again = InputMaker.Make(seed);
            Assert.Equal(once.ToString(), again.ToString());
            Assert.Equal(once.Files.Select(f => f.Bytes), again.Files.Select(f => f.Bytes));
            Assert.Equal(once.Links, again.Links);
        }
    }

    [Fact]
    public void Every_input_is_read_written_and_merged_or_refused_by_name()
    {
        Fuzzer fuzzer = new(FuzzSettings.Seed, FuzzSettings.Count);
        FuzzSummary summary = fuzzer.Run();
        output.WriteLine(summary.ToString());
        Assert.True(fuzzer.Failures.Count == 0, $"From seed {FuzzSettings.Seed} on:{Environment.NewLine}{string.Join(Environment.NewLine, fuzzer.Failures)}");
        Assert.Equal(FuzzSettings.Count, summary.Inputs);
        Assert.InRange(FuzzSummary.PeakBytes, 0, MostMemory);
        if (FuzzSettings.Count < EnoughToCount)
            return;
        // A fuzzer whose inputs are all refused, or all accepted, looks at nothing.
        Assert.Equal(Corpus.All.Count, summary.Models.Count());
        foreach (string model in summary.Models)
        {
            Assert.NotEqual(0, summary.Count(model, "refused"));
            Assert.NotEqual(0, summary.Count(model, "accepted"));
            Assert.NotEqual(0, summary.Count(model, "merged"));
        }
        Assert.InRange(summary.Errors.Count(), 15, int.MaxValue);
    }
}
