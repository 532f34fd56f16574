using LowRankTools.Numerics;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Lora;

/// <summary>
/// Row i is W[i] + s A^T[i] B^T: loralib's <c>Embedding</c>. A is r x entries and starts at zero, B is features x r and starts normal.
/// </summary>
public sealed class LoraEmbedding : LoraModule
{
    /// <summary>Creates a layer on a table that is there already; the table is frozen.</summary>
    /// <param name="weight">W, entries x features.</param>
    /// <param name="options">Rank and alpha.</param>
    /// <exception cref="LowRankToolsException">RankNotPositive; LoraOptionsInvalid: groups and fan_in_fan_out are for linear layers.</exception>
    public LoraEmbedding(Parameter weight, LoraOptions options)
        : base(nameof(LoraEmbedding), options.CheckedPlain("embeddings"), weight, null,
            zeros(options.Rank, weight.shape[0], weight.dtype, weight.device),
            randn(weight.shape[1], options.Rank).to(weight.dtype).to(weight.device))
    {
    }

    /// <inheritdoc/>
    public override Tensor forward(Tensor input)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor? merged = Merged();
        Tensor rows = Rows(merged ?? Weight, input);
        return (merged is not null ? rows : rows.add(Rows(A.t(), input).matmul(B.t()), Options.Scaling)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override Tensor Delta()
    {
        using DisposeScope scope = NewDisposeScope();
        return A.t().mm(B.t()).mul(Options.Scaling).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> ToDense()
    {
        using DisposeScope scope = NewDisposeScope();
        Embedding table = nn.Embedding(Weight.shape[0], Weight.shape[1]);
        table.weight = Own(Sum());
        table.train(training);
        return table;
    }

    private static Tensor Rows(Tensor table, Tensor ids) => table.index_select(0, ids.reshape(-1)).reshape([.. ids.shape, table.shape[1]]);
}
