using LowRankTools.Core.Calibration;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>
/// Fits narrower values of one block's attention, and what reads them. Leverage takes the values' Gram matrix from the block's inputs and the outputs as they are, as MoDeGPT does.
/// Elimination takes it from what the heads gathered, weighs outputs by their gradients, and fits what reads all heads' narrower values to all of them; where values and outputs both have
/// biases it does the middle one alone.
/// </summary>
/// <param name="engine">What computes.</param>
/// <param name="shape">Heads.</param>
/// <param name="kept">Features of a head of values afterwards, k.</param>
/// <param name="weights">The weights as they were.</param>
/// <param name="options">Selection and damping.</param>
/// <param name="cancellationToken">Stops the computation.</param>
internal sealed class ValueFit(ITensorEngine engine, HeadShape shape, int kept, ValueWeights weights, ResizeOptions options, CancellationToken cancellationToken)
{
    private readonly int _size = shape.ValueSize, _shared = shape.Heads / shape.KeyHeads;

    /// <summary>Fits.</summary>
    /// <param name="fed">What the calibration has on the output's weight.</param>
    /// <param name="source">What it has on the values' weight.</param>
    public FittedValues Compute(LayerCalibration fed, LayerCalibration source)
    {
        bool leverage = options.Selection == UnitSelection.Leverage;
        // A bias that the output's takes is nothing to be kept, and what was gathered cannot be told from it.
        bool published = leverage || weights is { ValueBias: not null, OutputBias: not null };
        ValueHeads heads = new(engine, shape, kept, cancellationToken);
        using Matrix<double> value = HostMatrix.Of(weights.Value.View), output = HostMatrix.Of(weights.Output.View);
        using Gram gathered = Damped(fed), inputs = Damped(source);
        Matrix<double>[] grams = [.. Enumerable.Range(0, shape.KeyHeads).Select(h => published ? Made(h, value, inputs.Dense!, source.Count) : Gathered(h, gathered.Dense!))];
        try
        {
            using ITensor turned = LeastSquares.Turned(engine, output, leverage ? null : fed.OutputGradients, cancellationToken);
            using Matrix<double> projections = heads.Projections(grams, turned), spread = heads.Spread(projections);
            using Matrix<double> reader = published ? heads.Readers(grams, projections, output) : Refitted(output, gathered.Dense!, spread), narrow = Narrow(projections, value);
            Balance(narrow, projections, spread, reader);
            return new FittedValues(HostMatrix.Single(narrow.View), Bias(projections), HostMatrix.Single(reader.View), Moved(output, spread, reader), HostMatrix.Single(spread.View));
        }
        finally
        {
            foreach (Matrix<double> gram in grams)
                gram.Dispose();
        }
    }

    private Gram Damped(LayerCalibration calibration) => calibration.Inputs.Original.Plus(calibration.Inputs.Original.Ridge(options.Calibration.Damping));

    /// <summary>V C V^T of one head of values, and the bias, unless the output's bias takes it.</summary>
    private Matrix<double> Made(int head, Matrix<double> value, Matrix<double> inputs, double count)
    {
        using ITensor v = engine.Load(value.View.Slice(head * _size, 0, _size, value.Columns)), c = engine.Load(inputs.View), vc = Product(v, c), vcv = Product(vc, engine.Transpose(v));
        Matrix<double> gram = HostMatrix.Of(engine, vcv);
        if (weights is { ValueBias: { } bias, OutputBias: null })
        {
            for (int i = 0; i < _size; i++)
            {
                for (int j = 0; j < _size; j++)
                    gram[i, j] += count * bias[0, head * _size + i] * bias[0, head * _size + j];
            }
        }
        return gram;
    }

    /// <summary>What all heads of queries that share a head of values gathered of it.</summary>
    private Matrix<double> Gathered(int head, Matrix<double> gathered)
    {
        Matrix<double> gram = new(_size, _size);
        for (int h = head * _shared; h < (head + 1) * _shared; h++)
        {
            for (int i = 0; i < _size; i++)
            {
                for (int j = 0; j < _size; j++)
                    gram[i, j] += gathered[h * _size + i, h * _size + j];
            }
        }
        return gram;
    }

    /// <summary>What reads the narrower values of all heads the best.</summary>
    private Matrix<double> Refitted(Matrix<double> output, Matrix<double> gathered, Matrix<double> spread)
    {
        using ITensor c = engine.Load(gathered.View), p = engine.Load(spread.View), pc = Product(p, c), square = Product(pc, engine.Transpose(p));
        using Matrix<double> rows = HostMatrix.Of(engine, pc), columns = rows.Transposed.ToMatrix(), gram = HostMatrix.Of(engine, square);
        return LeastSquares.Fit(engine, output, columns, gram, cancellationToken);
    }

    /// <summary>A V of every head of values.</summary>
    private Matrix<double> Narrow(Matrix<double> projections, Matrix<double> value)
    {
        Matrix<double> narrow = Matrix<double>.Uninitialized(projections.Rows, value.Columns);
        for (int head = 0; head < shape.KeyHeads; head++)
        {
            using ITensor a = engine.Load(projections.View.Slice(head * kept, 0, kept, _size)), v = engine.Load(value.View.Slice(head * _size, 0, _size, value.Columns)), av = Product(a, v);
            engine.ToArray(av).CopyTo(narrow.RowBlock(head * kept, kept));
        }
        return narrow;
    }

    /// <summary>A row of the projections and the columns that read it may share their size out freely: alike, neither overflows a small type.</summary>
    private void Balance(Matrix<double> narrow, Matrix<double> projections, Matrix<double> spread, Matrix<double> reader)
    {
        double[] read = new double[projections.Rows], factors = new double[shape.Heads * kept];
        int Own(int column) => column / kept / _shared * kept + column % kept;
        for (int i = 0; i < reader.Rows; i++)
        {
            ReadOnlySpan<double> row = reader.Row(i);
            for (int j = 0; j < row.Length; j++)
                read[Own(j)] += row[j] * row[j];
        }
        double[] scales = [.. read.Select((r, i) => Scale(r, narrow.Row(i)))];
        for (int j = 0; j < factors.Length; j++)
            factors[j] = scales[Own(j)];
        HostMatrix.ScaleRows(narrow, scales);
        HostMatrix.ScaleRows(projections, scales);
        HostMatrix.ScaleRows(spread, factors);
        HostMatrix.ScaleColumns(reader, Array.ConvertAll(factors, f => 1 / f));
    }

    /// <summary>A b.</summary>
    private Matrix<float>? Bias(Matrix<double> projections)
    {
        if (weights.ValueBias is not { } bias)
            return null;
        Matrix<float> narrow = Matrix<float>.Uninitialized(1, projections.Rows);
        for (int i = 0; i < projections.Rows; i++)
            narrow[0, i] = (float)Enumerable.Range(0, _size).Sum(j => projections[i, j] * bias[0, i / kept * _size + j]);
        return narrow;
    }

    /// <summary>
    /// The output's bias. The weights of attention sum to one, so that a bias of values is the same after every token: what the narrower values lose of it, (O - O' P) b, the output's
    /// bias has.
    /// </summary>
    private Matrix<float>? Moved(Matrix<double> output, Matrix<double> spread, Matrix<double> reader)
    {
        if (weights.OutputBias is not { } moved || weights.ValueBias is not { } bias)
            return weights.OutputBias?.Copy();
        double[] all = [.. Enumerable.Range(0, output.Columns).Select(j => (double)bias[0, j / _size / _shared * _size + j % _size])];
        double[] narrow = [.. Enumerable.Range(0, spread.Rows).Select(i => Dot(spread.Row(i), all))];
        Matrix<float> sum = moved.Copy();
        for (int i = 0; i < output.Rows; i++)
            sum[0, i] = (float)(sum[0, i] + Dot(output.Row(i), all) - Dot(reader.Row(i), narrow));
        return sum;
    }

    private ITensor Product(ITensor a, ITensor b) => LeastSquares.Product(engine, a, b, cancellationToken);

    private static double Scale(double read, ReadOnlySpan<double> made) => Dot(made, made) is > 0 and var square && read > 0 ? Math.Pow(read / square, 0.25) : 1;

    private static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum;
    }
}
