using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers.Factored;

/// <summary>
/// y = f(x W^T + b) with a W (out x in) that is never formed unless that is cheapest: the parameters are factors of it, and a <see cref="FactorProgram"/> for each number
/// of tokens says in what order tokens and factors are multiplied, forward and back.
/// </summary>
public abstract class FactoredLinear : LinearLayer
{
    private readonly Parameter[] _factors;

    private protected FactoredLinear(int inFeatures, int outFeatures, IEnumerable<(string Name, Parameter Factor)> factors, Parameter? bias)
    {
        (InFeatures, OutFeatures) = (inFeatures, outFeatures);
        _factors = [.. factors.Select(f => AddParameter(f.Name, f.Factor))];
        if (bias is not null && bias.Length != outFeatures) throw new LowRankToolsException("ShapesDoNotMatch", $"A bias of {bias.Length} entries is none of {outFeatures} outputs.");
        if (bias is not null) Bias = AddParameter("bias", bias);
    }

    /// <summary>b, as many entries as outputs, or null.</summary>
    public Parameter? Bias { get; }

    /// <inheritdoc/>
    public override int InFeatures { get; }

    /// <inheritdoc/>
    public override int OutFeatures { get; }

    /// <inheritdoc/>
    public override bool HasBias => Bias is not null;

    /// <summary>Multiply-adds for a number of tokens, in the order that is taken.</summary>
    /// <param name="tokens">At least 1.</param>
    public double MultiplyAddsFor(int tokens) => Program(tokens).Products;

    /// <summary>The factors, in the order in which they go into <see cref="Program"/> behind the tokens.</summary>
    private protected ReadOnlySpan<Parameter> Parts => _factors;

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, ITensor x, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        FactorProgram program = Program(x.Shape[0]);
        ITensor y = pass.New(x, x.Shape[0], OutFeatures);
        // Only the way back through an activation needs what it was applied to.
        bool inPlace = program.EndsInProduct && (activation == Activation.None || !pass.IsTraining);
        FactorRun run = program.Run(engine, [x, .. _factors.Select(f => f.Value)], pass.CancellationToken, inPlace ? y : null);
        if (!inPlace || Bias is not null || activation != Activation.None) engine.Activate(activation, inPlace ? y : run.Result, BiasRow(engine), y, pass.CancellationToken);
        pass.Save(this, new State(program, run), [x, .. run.Owned]);
        foreach (ITensor tensor in run.Owned) pass.Release(tensor);
        return y;
    }

    /// <inheritdoc/>
    public override ITensor Backward(Pass pass, ITensor gradient, Activation activation)
    {
        INetworkEngine engine = pass.Engine;
        (FactorProgram program, FactorRun run) = pass.Restore<State>(this);
        if (activation != Activation.None) engine.ActivateBackward(activation, run.Result, BiasRow(engine), gradient, gradient, pass.CancellationToken);
        if (Bias is { Trainable: true }) engine.AddColumnSums(gradient, engine.View(Bias.GradientOn(engine), OutFeatures), pass.CancellationToken);
        using FactorRun gradients = program.Back(engine, run, gradient, pass.CancellationToken);
        FactorGradients.Add(engine, _factors, gradients.Tensors.AsSpan(1, _factors.Length));
        ITensor dx = engine.Copy(gradients.Tensors[0], gradient.ElementType);
        gradient.Dispose();
        return dx;
    }

    /// <summary>The program for a number of tokens: tokens x in and the factors go in, tokens x out comes out.</summary>
    private protected abstract FactorProgram Program(int tokens);

    private ITensor? BiasRow(INetworkEngine engine) => Bias is null ? null : engine.View(Bias.Value, OutFeatures);

    private sealed record State(FactorProgram Program, FactorRun Run);
}
