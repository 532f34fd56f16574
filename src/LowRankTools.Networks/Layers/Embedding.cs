using LowRankTools.Numerics;

namespace LowRankTools.Networks;

/// <summary>Rows of a table by number: a table of its own, or a pair in its place.</summary>
public abstract class EmbeddingLayer : Module
{
    /// <summary>Rows of the table.</summary>
    public abstract int Entries { get; }

    /// <summary>Features of a row.</summary>
    public abstract int Features { get; }

    /// <summary>y[i] = table[ids[i]].</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="ids">Numbers of rows.</param>
    /// <returns>Tokens x features.</returns>
    /// <exception cref="LowRankToolsException">IndexOutOfRange.</exception>
    public abstract ITensor Forward(Pass pass, int[] ids);

    /// <summary>The gradient of the table grows.</summary>
    /// <param name="pass">The pass of the way forward.</param>
    /// <param name="gradient">dy, taken over.</param>
    public abstract void Backward(Pass pass, ITensor gradient);
}

/// <inheritdoc/>
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

/// <summary>
/// A pair in place of a table: row i is A[i] B^T with A of entries x rank and B of features x rank. It names its parameters as
/// the Sequential of an Embedding and a Linear: <c>0.weight</c> is A, <c>1.weight</c> B.
/// </summary>
public sealed class LowRankEmbedding : EmbeddingLayer
{
    private readonly Slot<Embedding> _table;
    private readonly Slot<Linear> _features;

    /// <summary>Creates a pair with a fresh start.</summary>
    /// <param name="factory">Makes the parameters.</param>
    /// <param name="entries">Rows of the table.</param>
    /// <param name="features">Features of a row.</param>
    /// <param name="rank">Features of the small table.</param>
    public LowRankEmbedding(ParameterFactory factory, int entries, int features, int rank)
    {
        _table = AddChild("0", new Embedding(factory, entries, rank));
        _features = AddChild("1", new Linear(factory, rank, features, bias: false));
    }

    /// <inheritdoc/>
    public override int Entries => _table.Module.Entries;

    /// <inheritdoc/>
    public override int Features => _features.Module.OutFeatures;

    /// <inheritdoc/>
    public override string TypeName => nameof(Sequential);

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, int[] ids) => pass.Through(_features.Module, _table.Module.Forward(pass, ids));

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor gradient) => _table.Module.Backward(pass, _features.Module.Backward(pass, gradient));
}
