namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>What the Tab key offers.</summary>
public sealed class CompletionTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("Get-LayerShapes models/tiny.safetensors -Name ", "fc1.weight fc1.bias fc2.weight")]
    [InlineData("Get-LayerShapes models/tiny.safetensors -Include fc2", "fc2.weight")]
    [InlineData("Get-LayerShapes -LiteralPath models/tiny.safetensors -Exclude *bias", "fc1.bias")]
    [InlineData("Get-LayerShapes models/tiny.safetensors -Name *c1", "fc1.weight fc1.bias")]
    [InlineData("Get-Item models/tiny.safetensors | Get-LayerShapes -Name fc1", "fc1.weight fc1.bias")]
    [InlineData("Get-LayerShapes models/mini -Name layer.mlp.down.w | Invoke-LowRankFactorization -Rank 4 -Exclude layer.mlp.down.w", "layer.mlp.down.weight")]
    [InlineData("Invoke-LowRankFactorization models/mini -Rank 8 -Include layer.mlp.d", "layer.mlp.down.weight layer.mlp.down.bias")]
    [InlineData("Invoke-LowRankFactorization -Path models/t*.safetensors -Exclude FC1.B", "fc1.bias")]
    [InlineData("Get-LowRankEngine E", "Embedded")]
    [InlineData("New-TransformerModel seed", "seed seed-tiny")]
    [InlineData("Invoke-LowRankFactorization models/mini -Rank 8 -Format P", "PyTorch")]
    [InlineData("Invoke-LowRankFactorization models/mini -Rank 8 -Split L", "Left")]
    [InlineData("Measure-ModelSpeed models/mini -Engine E", "Embedded")]
    [InlineData("Measure-ModelSpeed models/mini -Device cu", "cuda cuda:1")]
    public void Names_are_offered(string typed, string offered)
    {
        Assert.Equal(offered.Split(' '), Complete(typed));
    }

    [PwshTheory]
    [InlineData("Get-LayerShapes damaged.safetensors -Name ")]
    [InlineData("Get-LayerShapes missing.safetensors -Name ")]
    [InlineData("Get-LayerShapes models/tiny.safetensors -Name '[")]
    [InlineData("Get-LayerShapes Env:/PATH -Name x")]
    public void What_cannot_be_read_offers_no_layer_and_no_error(string typed)
    {
        _sandbox.WriteText("damaged.safetensors", "not a model");
        Assert.DoesNotContain(Complete(typed), c => c!.Contains("fc", StringComparison.Ordinal));
    }

    [PwshFact]
    public void Names_that_need_quotes_get_them()
    {
        _sandbox.WriteModel("odd.safetensors", ("a b[0].weight", [4, 4]), ("it's.weight", [4, 4]));
        Assert.Equal(["'a b`[0`].weight'", "'it''s.weight'"], Complete("Get-LayerShapes odd.safetensors -Name "));
        Assert.Single(session.All(_sandbox, "Get-LayerShapes odd.safetensors -Name 'a b`[0`].weight'"));
    }

    private IEnumerable<string?> Complete(string typed) => session.All(_sandbox,
        $"[System.Management.Automation.CommandCompletion]::CompleteInput(@'\n{typed}\n'@.TrimEnd(\"`n\"), {typed.Length}, $null).CompletionMatches | ForEach-Object CompletionText").Select(t => t.GetString());
}
