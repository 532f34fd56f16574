using TorchSharp;
using static TorchSharp.torch;

namespace LowRankTools.TorchSharp.TensorTrains;

/// <summary>
/// Products with the matrix W (m1 ... md x n1 ... nd) that cores (r(k-1), mk, nk, rk) stand for, core after core from the left or from the right, or with W multiplied out,
/// whichever takes the fewest multiply-adds for the tokens that there are.
/// </summary>
internal static class TensorTrainProduct
{
    /// <summary>The ways to multiply.</summary>
    internal enum Order
    {
        /// <summary>The first core first.</summary>
        FromLeft,

        /// <summary>The last core first.</summary>
        FromRight,

        /// <summary>The matrix, then one product.</summary>
        Rebuilt,
    }

    /// <summary>x W^T for x (tokens x in); the caller's.</summary>
    public static Tensor Multiply(Tensor x, IReadOnlyList<Tensor> cores) => Multiply(x, cores, Cheapest(x.shape[0], [.. cores.Select(c => c.shape)]));

    /// <summary>The same in an order.</summary>
    public static Tensor Multiply(Tensor x, IReadOnlyList<Tensor> cores, Order order)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor y = order switch
        {
            Order.FromLeft => FromLeft(x, cores),
            Order.FromRight => FromRight(x, cores),
            _ => x.matmul(Dense(cores).t()),
        };
        return y.MoveToOuterDisposeScope();
    }

    /// <summary>W (out x in); the caller's.</summary>
    public static Tensor Dense(IReadOnlyList<Tensor> cores)
    {
        using DisposeScope scope = NewDisposeScope();
        Tensor state = ones([1, 1, 1], cores[0].dtype, cores[0].device);
        foreach (Tensor core in cores)
        {
            state = einsum("mnr,rpqs->mpnqs", state, core);
            state = state.reshape(state.shape[0] * state.shape[1], state.shape[2] * state.shape[3], state.shape[4]);
        }

        return state.squeeze(2).MoveToOuterDisposeScope();
    }

    /// <summary>The order of the fewest multiply-adds.</summary>
    /// <param name="tokens">Rows of x.</param>
    /// <param name="cores">Shapes of the cores.</param>
    public static Order Cheapest(long tokens, IReadOnlyList<long[]> cores)
    {
        double left = 0, right = 0, rebuilt = tokens * Size(cores, 1) * Size(cores, 2);
        for (int k = 0; k < cores.Count; k++)
        {
            double entries = Size([cores[k]], 0) * Size([cores[k]], 1) * Size([cores[k]], 2) * Size([cores[k]], 3);
            left += tokens * entries * Size(cores.Take(k), 1) * Size(cores.Skip(k + 1), 2);
            right += tokens * entries * Size(cores.Take(k), 2) * Size(cores.Skip(k + 1), 1);
            rebuilt += entries * Size(cores.Take(k), 1) * Size(cores.Take(k), 2);
        }

        return rebuilt < Math.Min(left, right) ? Order.Rebuilt : left <= right ? Order.FromLeft : Order.FromRight;
    }

    // State (tokens m1 ... m(k-1)) x r(k-1) x nk x n(k+1) ... nd: outputs gather behind the tokens.
    private static Tensor FromLeft(Tensor x, IReadOnlyList<Tensor> cores)
    {
        (long rows, long rest, long outputs) = (x.shape[0], x.shape[1], 1);
        Tensor state = x;
        foreach (Tensor core in cores)
        {
            long[] c = core.shape;
            rest /= c[2];
            state = einsum("brnx,rmns->bmsx", state.reshape(rows, c[0], c[2], rest), core);
            (rows, outputs) = (rows * c[1], outputs * c[1]);
        }

        return state.reshape(x.shape[0], outputs);
    }

    // State tokens x n1 ... n(k-1) x nk x rk x m(k+1) ... md: outputs gather at the end.
    private static Tensor FromRight(Tensor x, IReadOnlyList<Tensor> cores)
    {
        (long tokens, long rest, long done) = (x.shape[0], x.shape[1], 1);
        Tensor state = x;
        foreach (Tensor core in cores.Reverse())
        {
            long[] c = core.shape;
            rest /= c[2];
            state = einsum("bxnsy,rmns->bxrmy", state.reshape(tokens, rest, c[2], c[3], done), core);
            done *= c[1];
        }

        return state.reshape(tokens, done);
    }

    private static double Size(IEnumerable<long[]> cores, int side) => cores.Aggregate(1.0, (product, core) => product * core[side]);
}
