using LowRankTools.Core.Calibration;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Resizing;

/// <summary>The weights that make values and that read them, as they were.</summary>
/// <param name="Value">(heads of values * d) x inputs.</param>
/// <param name="ValueBias">A row; null for none.</param>
/// <param name="Output">m x (heads * d).</param>
/// <param name="OutputBias">A row; null for none.</param>
internal sealed record ValueWeights(Matrix<float> Value, Matrix<float>? ValueBias, Matrix<float> Output, Matrix<float>? OutputBias);

/// <summary>Narrower values and what reads them.</summary>
/// <param name="Value">(heads of values * k) x inputs.</param>
/// <param name="ValueBias">A row; null where there was none.</param>
/// <param name="Output">m x (heads * k).</param>
/// <param name="OutputBias">A row; null where there was none.</param>
/// <param name="Projection">What takes all heads' values to all heads' narrower ones, (heads * k) x (heads * d).</param>
internal sealed record FittedValues(Matrix<float> Value, Matrix<float>? ValueBias, Matrix<float> Output, Matrix<float>? OutputBias, Matrix<float> Projection)
{
    /// <summary>
    /// Leverage takes the values' Gram matrix from the block's inputs and the outputs as they are, as MoDeGPT does. Elimination takes it from what the heads gathered, weighs outputs by
    /// their gradients, and fits what reads all heads' narrower values to all of them; where values and outputs both have biases it does the middle one alone.
    /// </summary>
    /// <param name="engine">What computes.</param>
    /// <param name="shape">Heads.</param>
    /// <param name="kept">k.</param>
    /// <param name="weights">The weights as they were.</param>
    /// <param name="fed">What the calibration has on the output's weight.</param>
    /// <param name="source">What it has on the values' weight.</param>
    /// <param name="options">Selection and damping.</param>
    /// <param name="cancellationToken">Stops the computation.</param>
    public static FittedValues Compute(ITensorEngine engine, HeadShape shape, int kept, ValueWeights weights, LayerCalibration fed, LayerCalibration source, ResizeOptions options, CancellationToken cancellationToken)
    {
        // A bias that the output's takes is nothing to be kept, and what was gathered cannot be told from it.
        bool published = options.Selection == UnitSelection.Leverage || weights is { ValueBias: not null, OutputBias: not null };
        ValueHeads heads = new(engine, shape, kept, cancellationToken);
        using Matrix<double> value = HostMatrix.Of(weights.Value.View), output = HostMatrix.Of(weights.Output.View);
        using Gram gathered = fed.Inputs.Original.Plus(fed.Inputs.Original.Ridge(options.Calibration.Damping));
        Matrix<double>[] grams = [.. Enumerable.Range(0, shape.KeyHeads).Select(h => published ? Made(h) : Gathered(h))];
        try
        {
            using ITensor turned = LeastSquares.Turned(engine, output, options.Selection == UnitSelection.Leverage ? null : fed.OutputGradients, cancellationToken);
            using Matrix<double> projections = heads.Projections(grams, turned), spread = heads.Spread(projections);
            using Matrix<double> reader = published ? heads.Readers(grams, projections, output) : Refitted(spread);
            return Balanced(value, output, projections, spread, reader);
        }
        finally
        {
            foreach (Matrix<double> gram in grams)
                gram.Dispose();
        }

        // V C V^T of one head of values, and the bias, unless the output's bias takes it.
        Matrix<double> Made(int head)
        {
            using Gram inputs = source.Inputs.Original.Plus(source.Inputs.Original.Ridge(options.Calibration.Damping));
            using ITensor v = engine.Load(value.View.Slice(head * shape.ValueSize, 0, shape.ValueSize, value.Columns)), c = engine.Load(inputs.Dense!.View);
            using ITensor vc = LeastSquares.Product(engine, v, c, cancellationToken), vcv = LeastSquares.Product(engine, vc, engine.Transpose(v), cancellationToken);
            Matrix<double> gram = HostMatrix.Of(engine, vcv);
            if (weights is { ValueBias: { } bias, OutputBias: null })
            {
                for (int i = 0; i < shape.ValueSize; i++)
                {
                    for (int j = 0; j < shape.ValueSize; j++)
                        gram[i, j] += source.Count * bias[0, head * shape.ValueSize + i] * bias[0, head * shape.ValueSize + j];
                }
            }
            return gram;
        }

        // What all heads of queries that share a head of values gathered of it.
        Matrix<double> Gathered(int head)
        {
            int shared = shape.Heads / shape.KeyHeads;
            Matrix<double> gram = new(shape.ValueSize, shape.ValueSize);
            for (int h = head * shared; h < (head + 1) * shared; h++)
            {
                for (int i = 0; i < shape.ValueSize; i++)
                {
                    for (int j = 0; j < shape.ValueSize; j++)
                        gram[i, j] += gathered.Dense![h * shape.ValueSize + i, h * shape.ValueSize + j];
                }
            }
            return gram;
        }

        Matrix<double> Refitted(Matrix<double> spread)
        {
            using ITensor c = engine.Load(gathered.Dense!.View), p = engine.Load(spread.View), pc = LeastSquares.Product(engine, p, c, cancellationToken);
            using ITensor square = LeastSquares.Product(engine, pc, engine.Transpose(p), cancellationToken);
            using Matrix<double> rows = HostMatrix.Of(engine, pc), columns = rows.Transposed.ToMatrix(), gram = HostMatrix.Of(engine, square);
            return LeastSquares.Fit(engine, output, columns, gram, cancellationToken);
        }

        // Row i of the projections and column i of what reads it may share their size out freely: alike, neither overflows a small type.
        FittedValues Balanced(Matrix<double> value, Matrix<double> output, Matrix<double> projections, Matrix<double> spread, Matrix<double> reader)
        {
            int shared = shape.Heads / shape.KeyHeads;
            using Matrix<double> narrow = Matrix<double>.Uninitialized(projections.Rows, value.Columns);
            for (int head = 0; head < shape.KeyHeads; head++)
            {
                using ITensor a = engine.Load(projections.View.Slice(head * kept, 0, kept, shape.ValueSize)), v = engine.Load(value.View.Slice(head * shape.ValueSize, 0, shape.ValueSize, value.Columns));
                using ITensor av = LeastSquares.Product(engine, a, v, cancellationToken);
                engine.ToArray(av).CopyTo(narrow.RowBlock(head * kept, kept));
            }
            double[] read = new double[projections.Rows], factors = new double[shape.Heads * kept];
            int Own(int column) => column / kept / shared * kept + column % kept;
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
            return new FittedValues(HostMatrix.Single(narrow.View), Bias(projections), HostMatrix.Single(reader.View), Moved(output, spread, reader), HostMatrix.Single(spread.View));
        }

        // A b.
        Matrix<float>? Bias(Matrix<double> projections)
        {
            if (weights.ValueBias is not { } bias)
                return null;
            Matrix<float> narrow = Matrix<float>.Uninitialized(1, projections.Rows);
            for (int i = 0; i < projections.Rows; i++)
                narrow[0, i] = (float)Enumerable.Range(0, shape.ValueSize).Sum(j => projections[i, j] * bias[0, i / kept * shape.ValueSize + j]);
            return narrow;
        }

        // The weights of attention sum to one, so that a bias of values is the same after every token: what the narrower values lose of it, (O - O' P) b, the output's bias has.
        Matrix<float>? Moved(Matrix<double> output, Matrix<double> spread, Matrix<double> reader)
        {
            if (weights.OutputBias is not { } moved || weights.ValueBias is not { } bias)
                return weights.OutputBias?.Copy();
            double[] all = [.. Enumerable.Range(0, output.Columns).Select(j => (double)bias[0, j / shape.ValueSize / (shape.Heads / shape.KeyHeads) * shape.ValueSize + j % shape.ValueSize])];
            double[] narrow = [.. Enumerable.Range(0, spread.Rows).Select(i => Dot(spread.Row(i), all))];
            Matrix<float> sum = moved.Copy();
            for (int i = 0; i < output.Rows; i++)
                sum[0, i] = (float)(sum[0, i] + Dot(output.Row(i), all) - Dot(reader.Row(i), narrow));
            return sum;
        }
    }

    private static double Scale(double read, ReadOnlySpan<double> made) => Dot(made, made) is > 0 and var square && read > 0 ? Math.Pow(read / square, 0.25) : 1;

    private static double Dot(ReadOnlySpan<double> x, ReadOnlySpan<double> y)
    {
        double sum = 0;
        for (int i = 0; i < x.Length; i++)
            sum += x[i] * y[i];
        return sum;
    }
}
