using LowRankTools.Core.Factorization;
using LowRankTools.Core.Models;
using LowRankTools.Core.Planning;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Reports;

namespace LowRankTools.Core.Tests.Reports;

/// <summary>A small model with a layer whose name attacks the page that shows it.</summary>
internal sealed class ReportSample : IDisposable
{
    /// <summary>Ends scripts, attributes, tags and Plotly's own markup.</summary>
    public const string HostileName = "x\"'></script></title></style><script>window.lowrankOwned=true;alert(1)</script><img src=x onerror=\"window.lowrankOwned=true\"><a href='javascript:alert(2)'>y</a>.weight";

    private readonly TestFolder _folder = new();

    /// <summary>Spectra are small and are computed every time.</summary>
    public static ReportOptions Options { get; } = new() { UseCache = false };

    public string Path => _folder.Path;

    public string this[string name] => _folder[name];

    public ModelSource Dense() => new(TestModel.Write(_folder["in/m.safetensors"],
        TestModel.WithSpectrum("encoder.0.weight", 1, 24, 40, 9, 5, 3, 2, 1, 0.5, 0.2, 0.1),
        TestModel.Random("encoder.0.bias", 2, 24),
        TestModel.WithSpectrum(HostileName, 3, 32, 20, 0.9, 0.85, 0.3, 0.25, 0.07, 0.06, 0.05),
        TestModel.Random("token_emb.weight", 5, 40, 6)), "m");

    public RankPlan Plan() => new MakePlan(new PlanOptions { Rule = new RankRule.TargetReduction(2), UseCache = false }).Run(Dense());

    public FactorizationResult Factorized(bool whatIf = false) => new FactorizeModel(new FactorizeOptions
    {
        Rule = new RankRule.Fixed(4),
        OutputPath = _folder["small"],
        WhatIf = whatIf,
    }).Run(Dense());

    public void Dispose() => _folder.Dispose();
}
