namespace LowRankTools.Numerics.Engines;

/// <summary>Primitives of the engine contract by other primitives: right on every engine.</summary>
internal static class ComposedPrimitives
{
    /// <summary>The dimension comes to the front, where slices are views, and goes back.</summary>
    public static ITensor SliceAlong(ITensorEngine engine, ITensor x, int dimension, int first, int count)
    {
        RequireDimension(x, dimension);
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, x.Shape[dimension] - first);
        if (dimension == 0) return engine.Copy(engine.Slice(x, first, count), x.ElementType);
        using ITensor turned = engine.Permute(x, ToFront(x.Shape.Count, dimension));
        return engine.Permute(engine.Slice(turned, first, count), FromFront(x.Shape.Count, dimension));
    }

    /// <summary>The parts are written to slices of a tensor whose first dimension they lie along.</summary>
    public static ITensor Concatenate(ITensorEngine engine, int dimension, ReadOnlySpan<ITensor> parts)
    {
        if (parts.IsEmpty) throw Mismatch("No tensors are not one.");
        ITensor first = parts[0];
        RequireDimension(first, dimension);
        int[] order = ToFront(first.Shape.Count, dimension), shape = [.. order.Select(first.Shape.ElementAt)];
        shape[0] = 0;
        foreach (ITensor part in parts)
        {
            if (part.ElementType != first.ElementType) throw WrongType($"{Text(part)} and {Text(first)} have two element types.");
            if (part.Shape.Count != order.Length || order.Skip(1).Any(i => part.Shape[i] != first.Shape[i]))
                throw Mismatch($"{Text(part)} does not go beside {Text(first)} along dimension {dimension}.");
            shape[0] = checked(shape[0] + part.Shape[dimension]);
        }

        ITensor joined = engine.Create(first.ElementType, shape);
        int at = 0;
        foreach (ITensor part in parts)
        {
            using ITensor? turned = dimension == 0 ? null : engine.Permute(part, order);
            engine.AddScaled(1, turned ?? part, 0, engine.Slice(joined, at, part.Shape[dimension]));
            at += part.Shape[dimension];
        }

        if (dimension == 0) return joined;
        using (joined) return engine.Permute(joined, FromFront(order.Length, dimension));
    }

    /// <summary>One product of matrices: A with its pairs last, B with its pairs first.</summary>
    public static ITensor Contract(ITensorEngine engine, ITensor a, ReadOnlySpan<int> ofA, ITensor b, ReadOnlySpan<int> ofB, CancellationToken ct)
    {
        int[] left = Others(a, ofA), right = Others(b, ofB);
        if (ofA.Length != ofB.Length) throw Mismatch($"{ofA.Length} dimensions and {ofB.Length} are no pairs.");
        int inner = 1;
        for (int i = 0; i < ofA.Length; i++)
        {
            if (a.Shape[ofA[i]] != b.Shape[ofB[i]])
                throw Mismatch($"Dimension {ofA[i]} of {Text(a)} and dimension {ofB[i]} of {Text(b)} differ.");
            inner = checked(inner * a.Shape[ofA[i]]);
        }

        int[] shape = [.. left.Select(a.Shape.ElementAt), .. right.Select(b.Shape.ElementAt)];
        int rows = Product(shape.AsSpan(0, left.Length)), columns = Product(shape.AsSpan(left.Length));
        using ITensor x = AsMatrix(engine, a, [.. left, .. ofA], rows, inner), y = AsMatrix(engine, b, [.. ofB, .. right], inner, columns);
        using ITensor product = engine.Create(a.ElementType, rows, columns);
        engine.MatMul(1, x, y, 0, product, ct);
        return engine.Reshape(product, shape);
    }

    /// <summary>S is a matrix like any other.</summary>
    public static ITensor SignedSums(ITensorEngine engine, ITensor a, ReadOnlySpan<float> signs, int count, CancellationToken ct)
    {
        RequireSums(a, signs, count);
        int rows = signs.Length;
        float[] entries = new float[checked(count * rows)];
        for (int i = 0; i < rows; i++) entries[(i % count * rows) + i] = signs[i];
        using ITensor sparse = engine.From(entries, count, rows);
        ITensor result = engine.Create(ElementType.Float32, a.Shape[1], count);
        engine.MatMul(1, engine.Transpose(a), engine.Transpose(sparse), 0, result, ct);
        return result;
    }

    /// <summary>What <see cref="ITensorEngine.SignedSums"/> takes, on every engine.</summary>
    public static void RequireSums(ITensor a, ReadOnlySpan<float> signs, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        if (a.Shape.Count != 2 || a.Shape[0] != signs.Length) throw Mismatch($"{signs.Length} signs do not fit the rows of {Text(a)}.");
        if (a.ElementType != ElementType.Float32) throw WrongType($"{Text(a)} is not float32.");
    }

    private static ITensor AsMatrix(ITensorEngine engine, ITensor x, int[] order, int rows, int columns)
    {
        using ITensor turned = engine.Permute(x, order);
        return engine.Reshape(turned, rows, columns);
    }

    private static int[] Others(ITensor x, ReadOnlySpan<int> named)
    {
        List<int> others = [.. Enumerable.Range(0, x.Shape.Count)];
        foreach (int dimension in named)
        {
            if (!others.Remove(dimension)) throw Mismatch($"{Text(x)} has no dimension {dimension}, or it is named twice.");
        }

        return [.. others];
    }

    private static int[] ToFront(int count, int dimension) => [dimension, .. Enumerable.Range(0, count).Where(i => i != dimension)];

    private static int[] FromFront(int count, int dimension) => [.. Enumerable.Range(0, count).Select(i => i < dimension ? i + 1 : i == dimension ? 0 : i)];

    private static int Product(ReadOnlySpan<int> sizes)
    {
        int product = 1;
        foreach (int size in sizes) product = checked(product * size);
        return product;
    }

    private static void RequireDimension(ITensor x, int dimension) =>
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)dimension, (uint)x.Shape.Count, nameof(dimension));

    private static string Text(ITensor x) => $"({string.Join(" x ", x.Shape)})";

    private static LowRankToolsException Mismatch(string message) => new("ShapesDoNotMatch", message, "Reshape, transpose or slice first.");

    private static LowRankToolsException WrongType(string message) => new("ElementTypeNotSupported", message, "Convert with Copy.");
}
