using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Engine;

/// <content>Attention of all sequences and heads at once, by blocks of queries: few calls of libtorch, which is what a GPU wants.</content>
public sealed partial class TorchSharpEngine
{
    // Scores that are in memory at once: 64 MB of float32 on a device, and what a processor's cache holds.
    private const long DeviceScores = 1 << 24, ProcessorScores = 1 << 20;

    /// <inheritdoc/>
    public void Attention(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor? logSums, CancellationToken ct = default)
    {
        NetworkShapes.RequireAttention(shape, q, k, v, keyMask, y, logSums);
        if (y.Length == 0) return;
        if (logSums is null && _device.type == DeviceType.CPU && FusedAttention.Takes(shape, q, k, v, keyMask))
        {
            ct.ThrowIfCancellationRequested();
            bool[] seen = keyMask.ToArray();
            Run(() => FusedAttention.Compute(shape, Mine(q).Open(), Mine(k).Open(), Mine(v).Open(), seen, Mine(y).Open()));
        }
        else
        {
            EachBlock(shape, q, k, keyMask, block =>
            {
                // The largest score counts 1, so the sum is at least that; or zero, as the result, without a key to look at.
                Tensor largest = block.Scores.amax([2L], keepdim: true).clamp_min_(float.MinValue);
                Tensor weights = block.Scores.sub_(largest).exp_(), sums = weights.sum(2L, keepdim: true);
                block.Queries(y).copy_(block.Unfolded(weights.bmm(block.Keys(v)).div_(sums.clamp_min(1))));
                if (logSums is null) return;
                Tensor logs = sums.log().add_(largest);
                block.Rows(logSums).copy_(logs.masked_fill_(sums.eq(0), double.PositiveInfinity).view(block.Rows(logSums).shape));
            }, ct);
        }

        _counter?.AddAttention(shape, q, k, v, y);
    }

    /// <inheritdoc/>
    public void AttentionBackward(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor logSums, ITensor dy, ITensor dq, ITensor dk, ITensor dv, CancellationToken ct = default)
    {
        NetworkShapes.RequireAttention(shape, q, k, v, keyMask, y, logSums);
        NetworkShapes.RequireSame(y, dy);
        NetworkShapes.RequireSame(q, dq);
        NetworkShapes.RequireSame(k, dk);
        NetworkShapes.RequireSame(v, dv);
        Fill(dk, 0);
        Fill(dv, 0);
        EachBlock(shape, q, k, keyMask, block =>
        {
            Tensor gradient = block.Folded(block.Queries(dy)), result = block.Folded(block.Queries(y));
            Tensor weights = block.Scores.sub_(block.Rows(logSums).reshape(block.Scores.shape[0], block.Scores.shape[1], 1)).exp_();
            block.AddToKeys(dv, weights.transpose(1, 2).bmm(gradient));
            Tensor products = gradient.mul(result).sum(2L, true);
            Tensor slopes = gradient.bmm(block.Keys(v).transpose(1, 2)).sub_(products).mul_(weights).mul_(shape.Scale);
            block.Queries(dq).copy_(block.Unfolded(slopes.bmm(block.Keys(k))));
            block.AddToKeys(dk, slopes.transpose(1, 2).bmm(block.Folded(block.Queries(q))));
        }, ct);
    }

    // The scaled scores of some queries of every head of every sequence, minus infinity where a key is hidden.
    private void EachBlock(AttentionShape shape, ITensor q, ITensor k, ReadOnlySpan<bool> keyMask, Action<AttentionBlock> use, CancellationToken ct)
    {
        int queries = q.Shape[0] / shape.Batch, keys = k.Shape[0] / shape.Batch;
        long most = _device.type == DeviceType.CPU ? ProcessorScores : DeviceScores;
        int step = (int)Math.Clamp(most / Math.Max(1, (long)shape.Batch * shape.Heads * keys), 1, queries);
        bool[]? seen = keyMask.IsEmpty ? null : keyMask.ToArray();
        for (int first = 0; first < queries; first += step)
        {
            ct.ThrowIfCancellationRequested();
            var block = new AttentionBlock(shape, first, Math.Min(step, queries - first), queries, keys);
            Run(() =>
            {
                block.Scores = block.Folded(block.Queries(q)).bmm(block.Keys(k).transpose(1, 2)).mul_(shape.Scale);
                if (shape.Causal) block.Hide(block.Later(_device));
                if (seen is not null) block.Hide(OnDevice(tensor(seen, ScalarType.Bool)).logical_not().view(shape.Batch, 1, 1, 1, keys));
                use(block);
            });
        }
    }

    /// <summary>
    /// Some queries of all heads. Heads that share keys form a group; groups lie beside one another (sequences * key heads) and the
    /// queries of a group's heads below one another, so that one batched product serves them all.
    /// </summary>
    private sealed class AttentionBlock(AttentionShape shape, int first, int count, int queries, int keys)
    {
        private readonly int _group = shape.Heads / shape.KeyHeads;

        /// <summary>Groups x (heads of a group * queries) x keys.</summary>
        public Tensor Scores { get; set; } = null!;

        /// <summary>A view of the block's part of queries, or of what has their rows: sequences x key heads x group x queries x width.</summary>
        public Tensor Queries(ITensor x) =>
            Mine(x).Open().view(shape.Batch, queries, shape.KeyHeads, _group, x.Shape[1] / shape.Heads).narrow(1, first, count).permute(0, 2, 3, 1, 4);

        /// <summary>Keys or values: groups x keys x width.</summary>
        public Tensor Keys(ITensor x) => KeysInPlace(x).reshape(shape.Batch * shape.KeyHeads, keys, -1);

        /// <summary>What <see cref="Queries"/> shows as groups x (heads of a group * queries) x width.</summary>
        public Tensor Folded(Tensor rows) => rows.reshape(shape.Batch * shape.KeyHeads, _group * count, rows.shape[4]);

        /// <summary>The way back from <see cref="Folded"/>.</summary>
        public Tensor Unfolded(Tensor folded) => folded.view(shape.Batch, shape.KeyHeads, _group, count, folded.shape[2]);

        /// <summary>Adds groups x keys x width to gradients of keys or values.</summary>
        public void AddToKeys(ITensor x, Tensor part) => KeysInPlace(x).add_(part.view(shape.Batch, shape.KeyHeads, keys, part.shape[2]));

        /// <summary>A view of one entry for each query: sequences x key heads x group x queries.</summary>
        public Tensor Rows(ITensor sums) => Mine(sums).Open().reshape(-1).view(shape.Batch, shape.KeyHeads, _group, queries).narrow(3, first, count);

        /// <summary>Queries x keys: true where the key comes later than the query.</summary>
        public Tensor Later(Device device)
        {
            long last = first + keys - queries;
            return arange(keys, device: device).unsqueeze(0).gt(arange(last, last + count, device: device).unsqueeze(1));
        }

        /// <summary>Takes keys out of sight.</summary>
        public void Hide(Tensor hidden) => Scores.view(shape.Batch, shape.KeyHeads, _group, count, keys).masked_fill_(hidden, double.NegativeInfinity);

        private Tensor KeysInPlace(ITensor x) => Mine(x).Open().view(shape.Batch, keys, shape.KeyHeads, x.Shape[1] / shape.KeyHeads).permute(0, 2, 1, 3);
    }
}
