using LowRankTools.Numerics.Kernels.Networks;

namespace LowRankTools.Numerics.Engines;

/// <summary>What the shapes of network primitives must fulfil, checked alike by every engine.</summary>
/// <remarks>Errors: ShapesDoNotMatch, IndexOutOfRange, ShareOutOfRange.</remarks>
public static class NetworkShapes
{
    /// <summary>Widest head of an attention, in features.</summary>
    public const int WidestHead = 256;

    /// <summary>Two tensors of one shape.</summary>
    public static void RequireSame(ITensor x, ITensor y)
    {
        if (!x.Shape.SequenceEqual(y.Shape)) throw Mismatch($"{Text(x)} and {Text(y)} differ.");
    }

    /// <summary>A matrix and, where there is one, a vector of an entry for each column.</summary>
    public static void RequireColumns(ITensor x, ITensor? vector)
    {
        RequireMatrix(x);
        if (vector is not null && vector.Length != x.Shape[1]) throw Mismatch($"{Text(vector)} has not one entry for each column of {Text(x)}.");
    }

    /// <summary>Numbers of rows that a table has, and a matrix for them.</summary>
    public static void RequireTable(ITensor table, ReadOnlySpan<int> rows, ITensor x)
    {
        RequireMatrix(table);
        RequireMatrix(x);
        if (x.Shape[0] != rows.Length || x.Shape[1] != table.Shape[1]) throw Mismatch($"{rows.Length} rows of {Text(table)} are not {Text(x)}.");
        foreach (int row in rows)
        {
            if ((uint)row >= (uint)table.Shape[0])
                throw new LowRankToolsException("IndexOutOfRange", $"Row {row} is not among the {table.Shape[0]} rows of the table.", "Check the token ids against the vocabulary.");
        }
    }

    /// <summary>Queries, keys, values, mask and outputs of one attention.</summary>
    public static void RequireAttention(AttentionShape shape, ITensor q, ITensor k, ITensor v, ReadOnlySpan<bool> keyMask, ITensor y, ITensor? logSums)
    {
        RequireMatrix(q);
        RequireMatrix(k);
        RequireMatrix(v);
        RequireMatrix(y);
        (int batch, int heads, int keyHeads, _, _) = shape;
        bool fits = batch >= 1 && keyHeads >= 1 && heads >= 1 && heads % keyHeads == 0
            && q.Shape[0] % batch == 0 && k.Shape[0] % batch == 0 && v.Shape[0] == k.Shape[0] && y.Shape[0] == q.Shape[0]
            && q.Shape[1] % heads == 0 && k.Shape[1] == q.Shape[1] / heads * keyHeads && v.Shape[1] % keyHeads == 0 && y.Shape[1] == v.Shape[1] / keyHeads * heads
            && (keyMask.IsEmpty || keyMask.Length == k.Shape[0]) && (logSums is null || logSums.Length == (long)heads * q.Shape[0]);
        if (!fits)
            throw Mismatch($"Queries {Text(q)}, keys {Text(k)}, values {Text(v)} and outputs {Text(y)} do not go together as {batch} sequences of {heads} and {keyHeads} heads.");
        if (Math.Max(q.Shape[1] / heads, v.Shape[1] / keyHeads) > WidestHead) throw Mismatch($"A head of more than {WidestHead} features is too wide.");
    }

    /// <summary>Heads side by side and tables of angles for them.</summary>
    public static void RequireTurn(ITensor x, int heads, ITensor cosines, ITensor sines, ITensor y)
    {
        RequireMatrix(x);
        RequireSame(x, y);
        RequireMatrix(cosines);
        RequireSame(cosines, sines);
        if (heads < 1 || x.Shape[1] % heads != 0 || cosines.Shape[0] < 1 || 2 * cosines.Shape[1] > x.Shape[1] / heads)
            throw Mismatch($"{Text(x)} in {heads} heads cannot be turned by {Text(cosines)} angles.");
    }

    /// <summary>A class for each row of the logits, or a negative number.</summary>
    public static void RequireTargets(ITensor logits, ReadOnlySpan<int> targets, ITensor? gradient)
    {
        RequireMatrix(logits);
        if (gradient is not null) RequireSame(logits, gradient);
        if (targets.Length != logits.Shape[0]) throw Mismatch($"{targets.Length} targets are not one for each row of {Text(logits)}.");
        foreach (int target in targets)
        {
            if (target >= logits.Shape[1])
                throw new LowRankToolsException("IndexOutOfRange", $"Target {target} is not among the {logits.Shape[1]} classes.", "Check the targets against the logits.");
        }
    }

    /// <summary>Images and the patches that a kernel makes of them.</summary>
    public static void RequirePatches(ConvolutionShape shape, ITensor x, ITensor patches)
    {
        RequireMatrix(x);
        RequireMatrix(patches);
        int pixels = shape.Height * shape.Width, places = shape.OutputHeight * shape.OutputWidth;
        if (pixels < 1 || x.Shape[0] % pixels != 0 || patches.Shape[0] != x.Shape[0] / pixels * places || patches.Shape[1] != x.Shape[1] * shape.KernelHeight * shape.KernelWidth)
            throw Mismatch($"{Text(x)} as images of {shape.Height} x {shape.Width} does not give patches of {Text(patches)}.");
    }

    /// <summary>Images, a kernel for each channel, and what comes out.</summary>
    public static void RequireChannels(ConvolutionShape shape, ITensor x, ITensor kernel, ITensor y)
    {
        RequireMatrix(x);
        RequireMatrix(kernel);
        RequireMatrix(y);
        int pixels = shape.Height * shape.Width, places = shape.OutputHeight * shape.OutputWidth;
        if (pixels < 1 || x.Shape[0] % pixels != 0 || y.Shape[0] != x.Shape[0] / pixels * places || y.Shape[1] != x.Shape[1]
            || kernel.Shape[0] != x.Shape[1] || kernel.Shape[1] != shape.KernelHeight * shape.KernelWidth)
            throw Mismatch($"{Text(x)} as images of {shape.Height} x {shape.Width} does not give {Text(y)} by the kernels {Text(kernel)}.");
    }

    /// <summary>A share between 0 and 1.</summary>
    public static void RequireRate(double rate)
    {
        if (!(rate is >= 0 and <= 1)) throw new LowRankToolsException("ShareOutOfRange", $"A dropout rate of {rate} is not between 0 and 1.");
    }

    private static void RequireMatrix(ITensor x)
    {
        if (x.Shape.Count != 2) throw Mismatch($"{Text(x)} is not a matrix.");
    }

    private static string Text(ITensor x) => $"({string.Join(" x ", x.Shape)})";

    private static LowRankToolsException Mismatch(string message) => new("ShapesDoNotMatch", message, "Reshape, transpose or slice first.");
}
