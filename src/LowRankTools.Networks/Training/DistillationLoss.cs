using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Networks.Training;

/// <summary>How far a network is from what another one, its teacher, says: training without labels.</summary>
public static class DistillationLoss
{
    /// <summary>
    /// T^2 KL(softmax(t / T) || softmax(z / T)) summed over tokens, with the gradient T (softmax(z / T) - softmax(t / T)) (Hinton,
    /// Vinyals and Dean, "Distilling the Knowledge in a Neural Network", 2015). T^2 keeps the gradient of one size for all T.
    /// </summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="logits">z, tokens x classes; taken over.</param>
    /// <param name="teacher">t, tokens x classes; stays the caller's.</param>
    /// <param name="counted">Says of each token whether it counts; empty for all.</param>
    /// <param name="temperature">T, positive: the larger, the more the unlikely classes count.</param>
    /// <returns>The sum and the number of tokens, and the gradient of the sum; without one in inference.</returns>
    public static (BatchLoss Loss, ITensor? Gradient) Logits(Pass pass, ITensor logits, ITensor teacher, ReadOnlySpan<bool> counted = default, double temperature = 1)
    {
        RequireSame(logits, teacher);
        if (!(temperature > 0)) throw new LowRankToolsException("TrainingOptionsInvalid", $"Temperature {temperature} is not positive.", "Use a positive temperature, such as 2.");
        INetworkEngine engine = pass.Engine;
        int rows = logits.Shape[0], classes = logits.Shape[1];
        if (!counted.IsEmpty && counted.Length != rows) throw new LowRankToolsException("ShapesDoNotMatch", $"There are {counted.Length} marks for {rows} tokens.");
        bool[] marks = counted.ToArray();
        double[] z = engine.ToArray(logits), t = engine.ToArray(teacher), sums = new double[rows];

        // Each row by itself, and the sums in their order: the same bits for any number of threads.
        Parallel.For(0, rows, new ParallelOptions { CancellationToken = pass.CancellationToken }, row =>
        {
            Span<double> student = z.AsSpan(row * classes, classes), target = t.AsSpan(row * classes, classes);
            if (marks.Length > 0 && !marks[row])
            {
                student.Clear();
                return;
            }

            LogSoftmax(student, temperature);
            LogSoftmax(target, temperature);
            double sum = 0;
            for (int c = 0; c < classes; c++)
            {
                double p = Math.Exp(target[c]);
                if (p > 0) sum += p * (target[c] - student[c]);
                student[c] = temperature * (Math.Exp(student[c]) - p);
            }

            sums[row] = temperature * temperature * sum;
        });
        var loss = new BatchLoss(sums.Sum(), marks.Length == 0 ? rows : marks.Count(mark => mark));
        if (!pass.IsTraining)
        {
            pass.Release(logits);
            return (loss, null);
        }

        using ITensor wide = engine.FromDoubles(z, rows, classes), gradient = engine.Copy(wide, logits.ElementType);
        engine.AddScaled(1, gradient, 0, logits);
        return (loss, logits);
    }

    /// <summary>||y - t||^2 / features summed over tokens, with the gradient 2 (y - t) / features: for hidden states.</summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="states">y, tokens x features; stays the caller's.</param>
    /// <param name="teacher">t, tokens x features; stays the caller's.</param>
    /// <param name="counted">Says of each token whether it counts; empty for all.</param>
    /// <returns>The sum and the number of tokens, and the gradient of the sum, the caller's; without one in inference.</returns>
    public static (BatchLoss Loss, ITensor? Gradient) States(Pass pass, ITensor states, ITensor teacher, ReadOnlySpan<bool> counted = default)
    {
        RequireSame(states, teacher);
        INetworkEngine engine = pass.Engine;
        ITensor difference = engine.Copy(states, states.ElementType);
        engine.AddScaled(-1, teacher, 1, difference);
        int count = states.Shape[0];
        if (counted.Contains(false))
        {
            ITensor whole = difference;
            int[] rows = Rows(counted);
            using ITensor kept = engine.Uninitialized(states.ElementType, count = rows.Length, states.Shape[1]);
            engine.Gather(whole, rows, kept, pass.CancellationToken);
            engine.Fill(whole, 0);
            engine.ScatterAdd(kept, rows, whole, pass.CancellationToken);
        }

        var loss = new BatchLoss(engine.SumOfSquares(difference) / states.Shape[1], count);
        if (pass.IsTraining)
        {
            engine.AddScaled(2.0 / states.Shape[1], difference, 0, difference);
            return (loss, difference);
        }

        difference.Dispose();
        return (loss, null);
    }

    /// <summary>
    /// 1 - cos(y, t) summed over rows, with the gradient (cos(y, t) y / |y| - t / |t|) / |y|: for embeddings, of which the direction counts.
    /// </summary>
    /// <param name="pass">The running pass.</param>
    /// <param name="embeddings">y, sequences x features; stays the caller's.</param>
    /// <param name="teacher">t, sequences x features; stays the caller's.</param>
    /// <returns>The sum and the number of rows, and the gradient of the sum, the caller's; without one in inference. A row of zeros loses 1 and has no gradient.</returns>
    public static (BatchLoss Loss, ITensor? Gradient) Cosine(Pass pass, ITensor embeddings, ITensor teacher)
    {
        RequireSame(embeddings, teacher);
        int rows = embeddings.Shape[0], features = embeddings.Shape[1];
        double[] y = pass.Engine.ToArray(embeddings), t = pass.Engine.ToArray(teacher);
        double sum = 0;
        for (int row = 0; row < rows; row++)
        {
            Span<double> own = y.AsSpan(row * features, features), wanted = t.AsSpan(row * features, features);
            double length = Length(own), other = Length(wanted), inner = 0;
            for (int i = 0; i < features; i++) inner += own[i] * wanted[i];
            double cosine = length * other > 0 ? inner / (length * other) : 0;
            sum += 1 - cosine;
            for (int i = 0; i < features; i++) own[i] = length * other > 0 ? (cosine * own[i] / length - wanted[i] / other) / length : 0;
        }

        var loss = new BatchLoss(sum, rows);
        if (!pass.IsTraining) return (loss, null);
        using ITensor wide = pass.Engine.FromDoubles(y, rows, features);
        return (loss, pass.Engine.Copy(wide, embeddings.ElementType));
    }

    private static double Length(ReadOnlySpan<double> row)
    {
        double sum = 0;
        foreach (double value in row) sum += value * value;
        return Math.Sqrt(sum);
    }

    private static int[] Rows(ReadOnlySpan<bool> counted)
    {
        List<int> rows = [];
        for (int i = 0; i < counted.Length; i++)
        {
            if (counted[i]) rows.Add(i);
        }

        return [.. rows];
    }

    private static void LogSoftmax(Span<double> row, double temperature)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (ref double value in row) largest = Math.Max(largest, value /= temperature);
        foreach (double value in row) sum += Math.Exp(value - largest);
        double log = largest + Math.Log(sum);
        foreach (ref double value in row) value -= log;
    }

    private static void RequireSame(ITensor x, ITensor y)
    {
        if (!x.Shape.SequenceEqual(y.Shape))
            throw new LowRankToolsException("ShapesDoNotMatch", $"({string.Join(" x ", x.Shape)}) and ({string.Join(" x ", y.Shape)}) are not two answers to one question.");
    }
}
