using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Networks.Layers.Factored;

/// <summary>
/// A tensor expression as a list of matrix products, Khatri-Rao products and permutations, each result used once: so the way back is the list from its end, and every gradient has one source.
/// Tensors have numbers; those that go in come first.
/// </summary>
internal sealed class FactorProgram
{
    private readonly List<Step> _steps = [];
    private readonly List<int[]> _shapes = [];

    /// <summary>Creates a program without steps.</summary>
    /// <param name="inputs">Shapes of the tensors that go in.</param>
    public FactorProgram(params IEnumerable<int[]> inputs) => _shapes.AddRange(inputs);

    /// <summary>Number of the result.</summary>
    public int Output => _shapes.Count - 1;

    /// <summary>Multiply-adds of all products.</summary>
    public double Products { get; private set; }

    /// <summary>Entries that are read and written by products and permutations.</summary>
    public double Moved { get; private set; }

    /// <summary>Whether the result is a product as it lies.</summary>
    public bool EndsInProduct => LastMove >= 0 && _steps[LastMove] is { Right: >= 0, IsKhatriRao: false };

    private int LastMove => _steps.FindLastIndex(step => step.Right >= 0 || step.Sizes is not null);

    /// <summary>Shape of a tensor.</summary>
    public int[] Shape(int tensor) => _shapes[tensor];

    /// <summary>The entries of a tensor under other sizes, their order changed.</summary>
    /// <param name="tensor">Its number.</param>
    /// <param name="sizes">The sizes that it is seen with.</param>
    /// <param name="order">A permutation of them.</param>
    /// <param name="shape">The result's shape.</param>
    public int Permute(int tensor, int[] sizes, int[] order, params int[] shape)
    {
        // Sizes of one have no place: a permutation of the others in order moves nothing.
        int[] real = [.. order.Where(k => sizes[k] > 1)];
        bool moves = !real.SequenceEqual(real.Order());
        if (moves) Moved += 2.0 * Length(tensor);
        return Add(new Step(tensor, -1, moves ? sizes : null, order), shape);
    }

    /// <summary>The product of two tensors seen as matrices: leading sizes of the first by its last one, the first size of the second by the others.</summary>
    public int Multiply(int left, int right, params int[] shape)
    {
        int inner = _shapes[left][^1];
        double rows = (double)Length(left) / inner, columns = (double)Length(right) / inner;
        Products += rows * inner * columns;
        Moved += (rows * inner) + (inner * columns) + (rows * columns);
        return Add(new Step(left, right, null, [inner]), shape);
    }

    /// <summary>The product with a transposed matrix, whose entries stay where they lie: leading sizes of the first by its last one, leading sizes of the second by as many entries.</summary>
    public int MultiplyTransposed(int left, int right, params int[] shape)
    {
        int inner = _shapes[left][^1];
        double rows = (double)Length(left) / inner, columns = (double)Length(right) / inner;
        Products += rows * inner * columns;
        Moved += (rows * inner) + (inner * columns) + (rows * columns);
        return Add(new Step(left, right, null, [inner]) { IsTransposed = true }, shape);
    }

    /// <summary>The Khatri-Rao product of two matrices of as many columns (last sizes): each row of the first times each row of the second, entry by entry; the second one's rows are faster.</summary>
    public int KhatriRao(int left, int right)
    {
        int columns = _shapes[left][^1], rows = (int)(Length(left) / columns * (Length(right) / columns));
        Moved += 4.0 * rows * columns;
        return Add(new Step(left, right, null, [columns]) { IsKhatriRao = true }, [rows, columns]);
    }

    /// <summary>Computes everything.</summary>
    /// <param name="engine">Where all of it is.</param>
    /// <param name="inputs">Tensors of the shapes that go in, their entries one after the other.</param>
    /// <param name="ct">Stops.</param>
    /// <param name="into">Where the last product is written, as many entries; only for a program that <see cref="EndsInProduct"/>. Null for memory of the run's own.</param>
    public FactorRun Run(INetworkEngine engine, ITensor[] inputs, CancellationToken ct, ITensor? into = null)
    {
        FactorRun run = new(new ITensor[_shapes.Count], inputs.Length);
        inputs.CopyTo(run.Tensors, 0);
        for (int i = 0; i < _steps.Count; i++)
        {
            Step step = _steps[i];
            int to = inputs.Length + i;
            ITensor result = run.Tensors[step.Left];
            if (step.IsKhatriRao)
            {
                (ITensor a, ITensor b) = Repeated(engine, run, step);
                using (a)
                using (b)
                    engine.Gate(Activation.None, a, b, result = run.Own(engine.Uninitialized(a.ElementType, [.. a.Shape])), ct);
            }
            else if (step.Right >= 0)
            {
                ITensor a = Rows(engine, result, step.Order[0], last: true), b = Right(engine, run, step);
                result = into is not null && i == LastMove ? engine.View(into, a.Shape[0], b.Shape[1]) : run.Own(engine.Uninitialized(result.ElementType, a.Shape[0], b.Shape[1]));
                engine.MatMul(1, a, b, 0, result, ct);
            }
            else if (step.Sizes is { } sizes)
            {
                result = run.Own(engine.Permute(engine.View(result, sizes), step.Order));
            }

            run.Tensors[to] = engine.View(result, _shapes[to]);
        }

        return run;
    }

    /// <summary>Gradients of the tensors that went in, the first ones of what is given back.</summary>
    /// <param name="engine">Where all of them are.</param>
    /// <param name="run">What <see cref="Run"/> gave.</param>
    /// <param name="gradient">That of the result; stays the caller's.</param>
    /// <param name="ct">Stops.</param>
    public FactorRun Back(INetworkEngine engine, FactorRun run, ITensor gradient, CancellationToken ct)
    {
        FactorRun gradients = new(new ITensor[_shapes.Count], run.Inputs);
        gradients.Tensors[^1] = gradient;
        for (int i = _steps.Count - 1; i >= 0; i--)
        {
            Step step = _steps[i];
            ITensor g = gradients.Tensors[run.Inputs + i];
            if (step.IsKhatriRao)
            {
                BackKhatriRao(engine, run, gradients, step, g, ct);
                continue;
            }

            if (step.Right >= 0)
            {
                int inner = step.Order[0];
                ITensor a = Rows(engine, run.Tensors[step.Left], inner, last: true), b = Right(engine, run, step), matrix = engine.View(g, a.Shape[0], b.Shape[1]);
                ITensor da = gradients.Own(engine.Uninitialized(g.ElementType, a.Shape[0], inner));
                ITensor db = gradients.Own(step.IsTransposed ? engine.Uninitialized(g.ElementType, b.Shape[1], inner) : engine.Uninitialized(g.ElementType, inner, b.Shape[1]));
                engine.MatMul(1, matrix, engine.Transpose(b), 0, da, ct);
                if (step.IsTransposed) engine.MatMul(1, engine.Transpose(matrix), a, 0, db, ct);
                else engine.MatMul(1, engine.Transpose(a), matrix, 0, db, ct);
                gradients.Tensors[step.Left] = engine.View(da, _shapes[step.Left]);
                gradients.Tensors[step.Right] = engine.View(db, _shapes[step.Right]);
                continue;
            }

            if (step.Sizes is { } sizes)
            {
                int[] back = new int[step.Order.Length];
                for (int k = 0; k < back.Length; k++) back[step.Order[k]] = k;
                g = gradients.Own(engine.Permute(engine.View(g, [.. step.Order.Select(k => sizes[k])]), back));
            }

            gradients.Tensors[step.Left] = engine.View(g, _shapes[step.Left]);
        }

        return gradients;
    }

    private void BackKhatriRao(INetworkEngine engine, FactorRun run, FactorRun gradients, Step step, ITensor gradient, CancellationToken ct)
    {
        (ITensor a, ITensor b) = Repeated(engine, run, step);
        int columns = step.Order[0], count = (int)(Length(step.Right) / columns);
        using (a)
        using (b)
        {
            ITensor dy = engine.View(gradient, [.. a.Shape]);
            using ITensor da = engine.Uninitialized(dy.ElementType, [.. a.Shape]), db = engine.Uninitialized(dy.ElementType, [.. a.Shape]);
            engine.Gate(Activation.None, b, dy, da, ct);
            engine.Gate(Activation.None, a, dy, db, ct);
            foreach ((int tensor, ITensor all, int[] rows) in new[] { (step.Left, da, SlowRows(a.Shape[0], count)), (step.Right, db, FastRows(a.Shape[0], count)) })
            {
                ITensor sum = gradients.Own(engine.Uninitialized(dy.ElementType, (int)(Length(tensor) / columns), columns));
                engine.Fill(sum, 0);
                engine.ScatterAdd(all, rows, sum, ct);
                gradients.Tensors[tensor] = engine.View(sum, _shapes[tensor]);
            }
        }
    }

    // Rows of both factors of a Khatri-Rao product, as often as they come in it.
    private static (ITensor Left, ITensor Right) Repeated(INetworkEngine engine, FactorRun run, Step step)
    {
        ITensor left = Rows(engine, run.Tensors[step.Left], step.Order[0], last: true), right = Rows(engine, run.Tensors[step.Right], step.Order[0], last: true);
        int count = right.Shape[0], rows = left.Shape[0] * count;
        ITensor a = engine.Uninitialized(left.ElementType, rows, step.Order[0]), b = engine.Uninitialized(left.ElementType, rows, step.Order[0]);
        engine.Gather(left, SlowRows(rows, count), a);
        engine.Gather(right, FastRows(rows, count), b);
        return (a, b);
    }

    private static int[] SlowRows(int rows, int count) => [.. Enumerable.Range(0, rows).Select(i => i / count)];

    private static int[] FastRows(int rows, int count) => [.. Enumerable.Range(0, rows).Select(i => i % count)];

    private int Add(Step step, int[] shape)
    {
        _steps.Add(step);
        _shapes.Add(shape);
        return Output;
    }

    private long Length(int tensor) => _shapes[tensor].Aggregate(1L, (n, s) => n * s);

    private static ITensor Right(INetworkEngine engine, FactorRun run, Step step) => step.IsTransposed
        ? engine.Transpose(Rows(engine, run.Tensors[step.Right], step.Order[0], last: true)) : Rows(engine, run.Tensors[step.Right], step.Order[0], last: false);

    private static ITensor Rows(INetworkEngine engine, ITensor tensor, int inner, bool last) =>
        last ? engine.View(tensor, (int)(tensor.Length / inner), inner) : engine.View(tensor, inner, (int)(tensor.Length / inner));

    private sealed record Step(int Left, int Right, int[]? Sizes, int[] Order)
    {
        public bool IsTransposed { get; init; }

        public bool IsKhatriRao { get; init; }
    }
}

/// <summary>Tensors of a run of a program, or their gradients, and those of them whose memory it has.</summary>
/// <param name="tensors">A place for each.</param>
/// <param name="inputs">How many went in.</param>
internal sealed class FactorRun(ITensor[] tensors, int inputs) : IDisposable
{
    private readonly List<ITensor> _owned = [];

    /// <summary>All of them, by their numbers.</summary>
    public ITensor[] Tensors => tensors;

    /// <summary>How many went in.</summary>
    public int Inputs => inputs;

    /// <summary>The result.</summary>
    public ITensor Result => tensors[^1];

    /// <summary>Those whose memory is freed with the run.</summary>
    public IReadOnlyList<ITensor> Owned => _owned;

    /// <summary>Takes a tensor over.</summary>
    public ITensor Own(ITensor tensor)
    {
        _owned.Add(tensor);
        return tensor;
    }

    public void Dispose() => _owned.ForEach(tensor => tensor.Dispose());
}
