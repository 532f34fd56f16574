namespace LowRankTools.Cli.Tests.Process;

/// <summary>The native program against the one that needs .NET: the same words, exit codes and bytes.</summary>
public sealed class NativeProgramTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [NativeTheory]
    [InlineData(0, "--help")]
    [InlineData(0, "--version")]
    [InlineData(0, "factorize", "--help")]
    [InlineData(0, "shapes", "MODEL")]
    [InlineData(0, "shapes", "MODEL", "--json")]
    [InlineData(0, "count", "MODEL", "--detailed", "--json")]
    [InlineData(1, "count", "GONE")]
    [InlineData(0, "spectrum", "MODEL", "--json", "--no-cache")]
    [InlineData(0, "plan", "MODEL", "--energy", "0.8")]
    [InlineData(0, "plan", "MODEL", "--target-reduction", "2", "--json", "--no-cache")]
    [InlineData(0, "plan", "--shape", "100x300", "--keep-ratio", "0.5", "--json")]
    [InlineData(0, "factorize", "MODEL", "--rank", "8", "--what-if")]
    [InlineData(2, "factorize", "MODEL", "--rank", "0")]
    [InlineData(0, "compare", "MODEL", "--reference-path", "MODEL", "--json")]
    [InlineData(0, "new", "--preset", "bert-base", "--output-path", "GONE", "--what-if")]
    [InlineData(2, "nonsense")]
    public async Task It_says_what_the_other_one_says(int code, params string[] args)
    {
        string model = Model();
        string[] given = [.. args.Select(arg => arg switch { "MODEL" => model, "GONE" => _folder["gone"], _ => arg })];
        using LowRankProcess native = LowRankProcess.Native(given), managed = new(given);
        CliRun ours = await native.Completed(), expected = await managed.Completed();
        Assert.Equal(code, expected.Code);
        Assert.Equal((expected.Code, expected.Out, expected.Error), (ours.Code, ours.Out, ours.Error));
    }

    [NativeFact]
    public async Task It_writes_the_same_bytes()
    {
        string model = Model(), plan = _folder["plan.json"];
        await Both(0, "plan", model, "--target-reduction", "2", "--output", plan, "--force");
        string[] factorized = await Both(0, "factorize", model, "--plan", plan, "--output-path", "OUT-plan/m.safetensors");
        string[] pickled = await Both(0, "factorize", model, "--rank", "20", "--output-path", "OUT-rank/m.pt");
        string[] merged = await Both(0, "merge", factorized[0], "--output-path", "OUT-merged/m.safetensors");
        Assert.All([factorized, pickled, merged], pair => Assert.Equal(File.ReadAllBytes(pair[0]), File.ReadAllBytes(pair[1])));
    }

    [NativeFact]
    public async Task It_tells_why_other_engines_are_missing()
    {
        using LowRankProcess native = LowRankProcess.Native("factorize", Model(), "--rank", "4", "--engine", "TorchSharp");
        CliRun run = await native.Completed();
        Assert.Equal(1, run.Code);
        Assert.StartsWith("error EngineUnavailable: ", Assert.Single(run.ErrorLines), StringComparison.Ordinal);
    }

    private string Model() => _folder.Write("model.safetensors", 5,
        ("encoder.layer.0.attention.self.query.weight", [200, 200]), ("encoder.layer.0.output.dense.weight", [120, 300]), ("encoder.layer.0.output.dense.bias", [120]));

    // Runs both, OUT in their arguments being another name for each; the names.
    private async Task<string[]> Both(int code, params string[] args)
    {
        string[] names = ["native", "managed"], outputs = ["", ""];
        for (int i = 0; i < 2; i++)
        {
            string[] given = [.. args.Select(arg => arg.StartsWith("OUT", StringComparison.Ordinal) ? outputs[i] = _folder[names[i] + arg[3..]] : arg)];
            using LowRankProcess process = i == 0 ? LowRankProcess.Native(given) : new LowRankProcess(given);
            CliRun run = await process.Completed();
            Assert.Equal((code, ""), (run.Code, run.Error));
        }

        return outputs;
    }
}
