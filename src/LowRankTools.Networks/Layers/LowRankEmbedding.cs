using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers;

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
        : this(new Embedding(factory, entries, rank), new Linear(factory, rank, features, bias: false))
    {
    }

    /// <summary>Creates a pair of two layers.</summary>
    /// <param name="table">Entries to rank.</param>
    /// <param name="features">Rank to features, without bias.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public LowRankEmbedding(Embedding table, Linear features)
    {
        if (table.Features != features.InFeatures)
            throw new LowRankToolsException("ShapesDoNotMatch", $"The small table has {table.Features} features, the second half takes {features.InFeatures}.");
        _table = AddChild("0", table);
        _features = AddChild("1", features);
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
