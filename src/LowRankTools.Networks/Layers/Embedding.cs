using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers;

/// <summary>Rows of a table of its own by number: what tokens and positions begin with.</summary>
public sealed class Embedding : EmbeddingLayer
{
    /// <summary>Creates a table that starts with standard normal entries, as PyTorch's does.</summary>
    /// <param name="factory">Makes the parameter.</param>
    /// <param name="entries">Rows of the table.</param>
    /// <param name="features">Features of a row.</param>
    public Embedding(ParameterFactory factory, int entries, int features)
        : this(factory.Normal(1, entries, features))
    {
    }

    /// <summary>Creates a table of a parameter that is there already.</summary>
    /// <param name="weight">Entries x features.</param>
    public Embedding(Parameter weight) => Weight = AddParameter("weight", weight);

    /// <summary>Entries x features.</summary>
    public Parameter Weight { get; }

    /// <inheritdoc/>
    public override int Entries => Weight.Shape[0];

    /// <inheritdoc/>
    public override int Features => Weight.Shape[1];

    /// <inheritdoc/>
    protected override string Arguments => $"{Entries}, {Features}";

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, int[] ids)
    {
        ITensor y = pass.New(Weight.Value, ids.Length, Features);
        pass.Engine.Gather(Weight.Value, ids, y, pass.CancellationToken);
        pass.Save(this, ids);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor gradient)
    {
        int[] ids = pass.Restore<int[]>(this);
        if (Weight.Trainable) pass.Engine.ScatterAdd(gradient, ids, Weight.GradientOn(pass.Engine), pass.CancellationToken);
        gradient.Dispose();
    }
}
