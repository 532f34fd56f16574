using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Svd;
using LowRankTools.TorchSharp.Engine;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.Modules;

/// <summary>Makes pairs from linear layers and linear layers from pairs, on their device and in their element type.</summary>
internal static class PairFactory
{
    /// <summary>A pair whose factors start fresh.</summary>
    public static LowRankPair Fresh(Linear layer, int rank, PairBias bias)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor weight = layer.weight!;
        bool both = bias == PairBias.Both;
        Linear first = New(weight.shape[1], rank, both, weight);
        Linear second = New(rank, weight.shape[0], both || layer.bias is not null, weight);
        return Like(layer, weight, new LowRankPair(first, second));
    }

    /// <summary>The best pair of a rank, W ~= (U S^1/2) (S^1/2 Vt), and its relative error.</summary>
    public static (LowRankPair Pair, double RelativeError) FromSvd(Linear layer, int rank, PairBias bias, ulong seed, CancellationToken ct)
    {
        LowRankPair pair = Fresh(layer, rank, bias);
        try
        {
            double error = Fill(pair, layer, rank, seed, ct);
            return (pair, error);
        }
        catch
        {
            pair.Dispose();
            throw;
        }
    }

    /// <summary>The layer that a pair stands for: W = W1 W0, b = W1 b0 + b1.</summary>
    public static Linear Merged(LowRankPair pair)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        Tensor first = pair.First.weight!, second = pair.Second.weight!;
        Tensor left = second.to(ScalarType.Float32), right = first.to(ScalarType.Float32);
        Tensor? inner = pair.First.bias, outer = pair.Second.bias;
        Linear layer = New(first.shape[1], second.shape[0], inner is not null || outer is not null, first);
        layer.weight!.copy_(left.mm(right));
        layer.weight!.requires_grad = first.requires_grad || second.requires_grad;
        if (layer.bias is { } bias)
        {
            bias.zero_();
            if (inner is not null) bias.add_(left.mm(inner.to(ScalarType.Float32).unsqueeze(1)).reshape(-1).to(bias.dtype));
            if (outer is not null) bias.add_(outer);
        }

        layer.train(pair.First.training);
        return layer;
    }

    /// <summary>A pair of given entries, which are copied.</summary>
    public static LowRankPair Of(Tensor first, Tensor? firstBias, Tensor second, Tensor? secondBias)
    {
        Linear inner = New(first.shape[1], first.shape[0], firstBias is not null, first), outer = New(second.shape[1], second.shape[0], secondBias is not null, second);
        using (no_grad())
        {
            inner.weight!.copy_(first);
            outer.weight!.copy_(second);
            if (firstBias is not null) inner.bias!.copy_(firstBias);
            if (secondBias is not null) outer.bias!.copy_(secondBias);
        }

        return new LowRankPair(inner, outer);
    }

    private static double Fill(LowRankPair pair, Linear layer, int rank, ulong seed, CancellationToken ct)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        (Tensor first, Tensor second, double error) = Components(layer.weight!.detach(), rank, 1, seed, ct);
        pair.First.weight!.copy_(first);
        pair.Second.weight!.copy_(second);
        TakeBias(pair, layer);
        return error;
    }

    /// <summary>The r largest components of a matrix (m x n) as A (r x n) and B (m x r), both divided by a number: B A divisor^2 ~= W.</summary>
    public static (Tensor A, Tensor B, double RelativeError) Components(Tensor weight, int rank, double divisor, ulong seed, CancellationToken ct)
    {
        bool cuda = weight.device_type == DeviceType.CUDA;
        TorchSharpEngine engine = new(cuda ? $"cuda:{weight.device_index}" : "cpu");
        using ITensor matrix = TorchSharpEngine.Adopt(cuda ? weight : weight.cpu());
        using TruncatedSvdResult svd = TruncatedSvd.Compute(engine, matrix, new RankTarget.Rank(rank), new SvdOptions { Seed = seed }, null, ct);
        double[] roots = [.. svd.SingularValues.Select(s => Math.Sqrt(s) / divisor)];
        for (int i = 0; i < svd.U.Rows; i++)
        {
            for (int k = 0; k < rank; k++) svd.U[i, k] *= (float)roots[k];
        }

        for (int k = 0; k < rank; k++)
        {
            foreach (ref float value in svd.Vt.Row(k)) value *= (float)roots[k];
        }

        return (HostMemory.FromRows(svd.Vt.View), HostMemory.FromRows(svd.U.View), svd.RelativeError);
    }

    /// <summary>Gives a pair the bias of the layer that it replaces.</summary>
    public static void TakeBias(LowRankPair pair, Linear layer)
    {
        using DisposeScope scope = NewDisposeScope();
        using IDisposable frozen = no_grad();
        pair.First.bias?.zero_();
        if (pair.Second.bias is not { } bias) return;
        if (layer.bias is { } old) bias.copy_(old);
        else bias.zero_();
    }

    private static LowRankPair Like(Linear layer, Tensor weight, LowRankPair pair)
    {
        if (!weight.requires_grad)
        {
            foreach (Parameter parameter in pair.parameters()) parameter.requires_grad = false;
        }

        pair.train(layer.training);
        return pair;
    }

    /// <summary>A layer of an element type and on a device, whose parameters outlive the scope that it is made in.</summary>
    public static Linear New(long inputs, long outputs, bool bias, Tensor like)
    {
        Linear layer = nn.Linear(inputs, outputs, bias);
        if (layer.weight!.dtype != like.dtype) layer.to(like.dtype);
        if (layer.weight!.device_type != like.device_type || layer.weight!.device_index != like.device_index) layer.to(like.device);
        foreach ((_, Parameter parameter) in layer.named_parameters()) parameter.DetachFromDisposeScope();
        return layer;
    }
}
