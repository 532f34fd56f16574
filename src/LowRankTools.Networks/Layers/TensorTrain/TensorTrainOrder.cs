using LowRankTools.Networks.Layers.Factored;

namespace LowRankTools.Networks.Layers.TensorTrain;

/// <summary>
/// The order in which tokens are multiplied by a TT-matrix: cores that stand beside one another may first be multiplied out, all of them too, which rebuilds the matrix; then
/// the groups are taken from the right or from the left. Chosen by what it costs for a number of tokens.
/// </summary>
internal sealed class TensorTrainOrder
{
    // What moving an entry costs, in multiply-adds of a large matrix product (about 100 Gflop/s beside 1 to 2 G entries a second).
    private const double EntryCost = 40;

    private TensorTrainOrder(FactorProgram program, string text) => (Program, Text) = (program, text);

    /// <summary>What is computed: tokens x in and the cores go in, tokens x out comes out.</summary>
    public FactorProgram Program { get; }

    /// <summary>The groups, such as <c>(1 2)(3 4), right to left</c>.</summary>
    public string Text { get; }

    /// <summary>Cost in multiply-adds.</summary>
    public double Cost => Program.Products + (EntryCost * Program.Moved);

    /// <summary>The cheapest of all orders.</summary>
    /// <param name="cores">Shapes (r, m, n, r') of the cores.</param>
    /// <param name="tokens">Rows of the input.</param>
    public static TensorTrainOrder Cheapest(IReadOnlyList<int[]> cores, int tokens) => All(cores, tokens).MinBy(order => order.Cost)!;

    /// <summary>Every order that there is.</summary>
    public static IEnumerable<TensorTrainOrder> All(IReadOnlyList<int[]> cores, int tokens)
    {
        // A bit for each bond that is multiplied out beforehand.
        for (int bonds = 0; bonds < 1 << (cores.Count - 1); bonds++)
        {
            List<(int First, int Count)> groups = [(0, 1)];
            for (int k = 1; k < cores.Count; k++)
            {
                if ((bonds >> (k - 1) & 1) == 1) groups[^1] = (groups[^1].First, groups[^1].Count + 1);
                else groups.Add((k, 1));
            }

            yield return Of(cores, tokens, groups, fromRight: true);
            if (groups.Count > 1) yield return Of(cores, tokens, groups, fromRight: false);
        }
    }

    /// <summary>The whole matrix, out x in, of the cores alone.</summary>
    public static FactorProgram Rebuild(IReadOnlyList<int[]> cores)
    {
        FactorProgram program = new(cores);
        int group = Merge(program, cores, 0, 0, cores.Count);
        int[] shape = program.Shape(group);
        program.Permute(group, shape, [0, 1, 2, 3], shape[1], shape[2]);
        return program;
    }

    /// <summary>A group of cores as one of shape (r, m, n, r'); cores have numbers from the first one on.</summary>
    public static int Merge(FactorProgram program, IReadOnlyList<int[]> cores, int offset, int first, int count)
    {
        if (count == 1) return offset + first;

        // In halves: the entries that a permutation moves then lie together in long runs.
        int half = count / 2, left = Merge(program, cores, offset, first, half), right = Merge(program, cores, offset, first + half, count - half);
        int[] a = program.Shape(left), b = program.Shape(right);
        int product = program.Multiply(left, right, a[0], a[1], a[2], b[1], b[2], b[3]);
        return program.Permute(product, [a[0], a[1], a[2], b[1], b[2], b[3]], [0, 1, 3, 2, 4, 5], a[0], a[1] * b[1], a[2] * b[2], b[3]);
    }

    private static TensorTrainOrder Of(IReadOnlyList<int[]> cores, int tokens, List<(int First, int Count)> groups, bool fromRight)
    {
        int inputs = cores.Aggregate(1, (n, c) => n * c[2]);
        FactorProgram program = new([[tokens, inputs], .. cores]);
        int[] merged = [.. groups.Select(g => Merge(program, cores, 1, g.First, g.Count))];
        int result = fromRight ? FromRight(program, merged, tokens, inputs) : FromLeft(program, merged, tokens, inputs);
        program.Permute(result, program.Shape(result), [.. Enumerable.Range(0, program.Shape(result).Length)], tokens, cores.Aggregate(1, (n, c) => n * c[1]));
        string names = string.Concat(groups.Select(g => $"({string.Join(' ', Enumerable.Range(g.First + 1, g.Count))})"));
        return new TensorTrainOrder(program, groups.Count == 1 ? "rebuilt" : $"{names}, {(fromRight ? "right to left" : "left to right")}");
    }

    // State: (tokens and inputs to come, outputs so far, inputs at hand and the rank to their right).
    private static int FromRight(FactorProgram program, int[] groups, int tokens, int inputs)
    {
        int state = 0, before = inputs, done = 1;
        for (int g = groups.Length - 1; g >= 0; g--)
        {
            (int left, int m, int n, int right) = Sizes(program, groups[g]);
            before /= n;
            state = g == groups.Length - 1
                ? program.Permute(state, [tokens * before, n], [0, 1], tokens * before, n)
                : program.Permute(state, [tokens * before, n, done, right, program.Shape(state)[^1]], [0, 4, 2, 1, 3], tokens * before * program.Shape(state)[^1] * done, n * right);
            if (g < groups.Length - 1) done *= Sizes(program, groups[g + 1]).M;
            // (r, m, n, r') is (r m) x (n r') as it lies; no group is turned over.
            int product = program.MultiplyTransposed(state, groups[g], tokens * before * done, left * m);
            state = program.Permute(product, [tokens * before, done, left, m], [0, 1, 2, 3], tokens * before, done, left, m);
        }

        int last = Sizes(program, groups[0]).M;
        return program.Permute(state, [tokens, done, last], [0, 2, 1], tokens, last * done);
    }

    // State: (tokens, inputs to come, outputs so far, the rank to the right).
    private static int FromLeft(FactorProgram program, int[] groups, int tokens, int inputs)
    {
        int state = 0, after = inputs, done = 1;
        foreach (int group in groups)
        {
            (int left, int m, int n, int right) = Sizes(program, group);
            after /= n;
            // (r, m, n, r') as (r n) x (m r').
            int matrix = program.Permute(group, [left, m, n, right], [0, 2, 1, 3], left * n, m * right);
            state = program.Permute(state, [tokens, n, after, done, left], [0, 2, 3, 4, 1], tokens * after * done, left * n);
            int product = program.Multiply(state, matrix, tokens * after * done, m * right);
            done *= m;
            state = program.Permute(product, [tokens, after, done, right], [0, 1, 2, 3], tokens, after, done, right);
        }

        return state;
    }

    private static (int Left, int M, int N, int Right) Sizes(FactorProgram program, int group) =>
        program.Shape(group) is [var left, var m, var n, var right] ? (left, m, n, right) : throw new InvalidOperationException("A group has four modes.");
}
