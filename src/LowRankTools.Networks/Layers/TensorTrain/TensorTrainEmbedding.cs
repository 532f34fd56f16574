using LowRankTools.Decompositions;
using LowRankTools.Networks.Layers.Factored;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Layers.TensorTrain;

/// <summary>
/// Rows of a table (entries x features) as a TT-matrix (Hrinchuk, Khrulkov, Mirvakhabova, Orlova, Oseledets, "Tensorized embedding layers", 2020): its cores (r, m, n, r') are the parameters,
/// named <c>weight.core0</c> and so on. Rows are looked up in the two halves of the train and multiplied one by one, or in the whole table, multiplied out first: what
/// is cheaper for the number of tokens.
/// </summary>
public sealed class TensorTrainEmbedding : EmbeddingLayer
{
    // A small product of its own costs about as much to call as this many multiply-adds.
    private const double CallCost = 20_000, EntryCost = 40;

    private readonly Parameter[] _cores;
    private readonly int[][] _shapes;

    /// <summary>Creates a layer of cores that are there already.</summary>
    /// <param name="cores">G_1 to G_d of shapes (r_(k-1), m_k, n_k, r_k), entries by m, features by n.</param>
    /// <exception cref="LowRankToolsException">ShapesDoNotMatch.</exception>
    public TensorTrainEmbedding(IReadOnlyList<Parameter> cores)
    {
        TensorTrainCores.Require(cores);
        _cores = [.. cores.Select((core, k) => AddParameter($"weight.core{k}", core))];
        _shapes = [.. cores.Select(c => c.Shape.ToArray())];
        (Entries, Features) = (_shapes.Aggregate(1, (n, s) => n * s[1]), _shapes.Aggregate(1, (n, s) => n * s[2]));
    }

    /// <summary>G_1 to G_d.</summary>
    public IReadOnlyList<Parameter> Cores => _cores;

    /// <inheritdoc/>
    public override int Entries { get; }

    /// <inheritdoc/>
    public override int Features { get; }

    /// <inheritdoc/>
    protected override string Arguments => $"{Entries}, {Features}, ranks=[{string.Join(", ", _shapes.Skip(1).Select(s => s[0]))}]";

    /// <summary>A table near a dense one, by TT-SVD.</summary>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="dense">The table, which is left as it is.</param>
    /// <param name="options">Ranks or a tolerance, as TensorTrainMatrix takes them.</param>
    /// <param name="ct">Stops the decomposition.</param>
    /// <returns>The layer and the relative error of its table.</returns>
    /// <exception cref="LowRankToolsException">OptionInvalid, NonFiniteValues.</exception>
    public static (TensorTrainEmbedding Layer, double RelativeError) FromDense(INetworkEngine engine, Embedding dense, DecompositionOptions options, CancellationToken ct = default)
    {
        (Parameter[] cores, double error) = TensorTrainCores.Decompose(engine, dense.Weight, options, ct);
        return (new TensorTrainEmbedding(cores), error);
    }

    /// <summary>A dense table of what the cores stand for.</summary>
    public Embedding ToDense(INetworkEngine engine, CancellationToken ct = default) => new(new Parameter(Entries, Features) { Value = TensorTrainCores.Dense(engine, _cores, Entries, Features, ct) });

    /// <inheritdoc/>
    public override ITensor Forward(Pass pass, int[] ids)
    {
        INetworkEngine engine = pass.Engine;
        if (ids.Any(i => i < 0 || i >= Entries))
            throw new LowRankToolsException("IndexOutOfRange", $"A table of {Entries} rows has no row {ids.First(i => i < 0 || i >= Entries)}.");
        int cut = Cut(ids.Length);
        Half[] halves = [.. (cut == 0 ? new[] { (0, _cores.Length) } : [(0, cut), (cut, _cores.Length - cut)]).Select((range, h) => Rows(engine, range.Item1, range.Item2, h, pass.CancellationToken))];
        int[][] rows = cut == 0 ? [ids] : [[.. ids.Select(i => i / halves[1].Entries)], [.. ids.Select(i => i % halves[1].Entries)]];
        ITensor[] looked = [.. halves.Select((half, h) =>
        {
            ITensor found = pass.New(_cores[0].Value, ids.Length, half.Width);
            engine.Gather(half.Table, rows[h], found, pass.CancellationToken);
            return found;
        })];
        ITensor y = cut == 0 ? looked[0] : Multiplied(pass, looked, halves);
        ITensor[] kept = [.. halves.SelectMany(h => h.Run.Owned), .. cut == 0 ? [] : looked];
        pass.Save(this, new State(halves, rows, looked), kept);
        foreach (ITensor tensor in kept) pass.Release(tensor);
        return y;
    }

    /// <inheritdoc/>
    public override void Backward(Pass pass, ITensor gradient)
    {
        INetworkEngine engine = pass.Engine;
        CancellationToken ct = pass.CancellationToken;
        (Half[] halves, int[][] rows, ITensor[] looked) = pass.Restore<State>(this);
        ITensor[] gradients = halves.Length == 1 ? [gradient] : Divided(pass, gradient, looked, halves);
        for (int h = 0; h < halves.Length; h++)
        {
            using ITensor table = engine.Create(gradient.ElementType, halves[h].Entries, halves[h].Width);
            engine.ScatterAdd(gradients[h], rows[h], table, ct);
            using FactorRun own = halves[h].Program.Back(engine, halves[h].Run, table, ct);
            FactorGradients.Add(engine, _cores.AsSpan(halves[h].First, halves[h].Count), own.Tensors.AsSpan(0, halves[h].Count));
            if (halves.Length > 1) gradients[h].Dispose();
        }

        gradient.Dispose();
    }

    // Where the train is cut for a number of tokens; 0 to multiply the whole table out.
    internal int Cut(int tokens)
    {
        FactorProgram whole = TensorTrainOrder.Rebuild(_shapes);
        double best = whole.Products + (EntryCost * (whole.Moved + ((double)tokens * Features)));
        int chosen = 0;
        for (int cut = 1; cut < _shapes.Length; cut++)
        {
            FactorProgram left = Program(0, cut, 0), right = Program(cut, _shapes.Length - cut, 1);
            double width = left.Shape(left.Output)[1] + right.Shape(right.Output)[1] + Features, product = (double)Features * _shapes[cut][0];
            double cost = left.Products + right.Products + (EntryCost * (left.Moved + right.Moved + (tokens * width))) + (tokens * (CallCost + product));
            if (cost < best) (best, chosen) = (cost, cut);
        }

        return chosen;
    }

    private Half Rows(INetworkEngine engine, int first, int count, int side, CancellationToken ct)
    {
        FactorProgram program = Program(first, count, side);
        FactorRun run = program.Run(engine, [.. _cores[first..(first + count)].Select(c => c.Value)], ct);
        return new Half(program, run, first, count, _shapes[first..(first + count)].Aggregate(1, (n, s) => n * s[2]), _shapes[first][0], _shapes[first + count - 1][3]);
    }

    // A part of the train as a table: rows (n r') of the left, (r n) of the right.
    private FactorProgram Program(int first, int count, int side)
    {
        int[][] own = _shapes[first..(first + count)];
        FactorProgram program = new(own);
        int group = TensorTrainOrder.Merge(program, own, 0, 0, count);
        int[] s = program.Shape(group);
        program.Permute(group, s, side == 0 ? [0, 1, 2, 3] : [1, 0, 2, 3], s[1], s[0] * s[2] * s[3]);
        return program;
    }

    // Row by row (n1 x r) (r x n2).
    private ITensor Multiplied(Pass pass, ITensor[] looked, Half[] halves)
    {
        INetworkEngine engine = pass.Engine;
        int tokens = looked[0].Shape[0];
        ITensor y = pass.New(looked[0], tokens, Features);
        for (int t = 0; t < tokens; t++)
        {
            engine.MatMul(1, Row(engine, looked[0], t, halves[0].Features, halves[0].Right), Row(engine, looked[1], t, halves[1].Left, halves[1].Features), 0,
                Row(engine, y, t, halves[0].Features, halves[1].Features), pass.CancellationToken);
        }

        return y;
    }

    private static ITensor[] Divided(Pass pass, ITensor gradient, ITensor[] looked, Half[] halves)
    {
        INetworkEngine engine = pass.Engine;
        ITensor[] gradients = [.. looked.Select(l => pass.New(l, l.Shape[0], l.Shape[1]))];
        for (int t = 0; t < gradient.Shape[0]; t++)
        {
            ITensor g = Row(engine, gradient, t, halves[0].Features, halves[1].Features);
            ITensor left = Row(engine, looked[0], t, halves[0].Features, halves[0].Right), right = Row(engine, looked[1], t, halves[1].Left, halves[1].Features);
            engine.MatMul(1, g, engine.Transpose(right), 0, Row(engine, gradients[0], t, halves[0].Features, halves[0].Right), pass.CancellationToken);
            engine.MatMul(1, engine.Transpose(left), g, 0, Row(engine, gradients[1], t, halves[1].Left, halves[1].Features), pass.CancellationToken);
        }

        return gradients;
    }

    private static ITensor Row(INetworkEngine engine, ITensor table, int row, int first, int second) => engine.View(engine.Slice(table, row, 1), first, second);

    private sealed record Half(FactorProgram Program, FactorRun Run, int First, int Count, int Features, int Left, int Right)
    {
        public ITensor Table => Run.Result;

        public int Entries => Table.Shape[0];

        public int Width => Table.Shape[1];
    }

    private sealed record State(Half[] Halves, int[][] Rows, ITensor[] Looked);
}
