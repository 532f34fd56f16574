namespace LowRankTools.Decompositions.TensorRings;

/// <summary>Splits the rank of the first unfolding into the two ranks that meet in the first core of a ring.</summary>
internal static class RingSplit
{
    /// <summary>The two factors of largest product, no more than given and each within its most; of those of one product the most even ones.</summary>
    public static (int First, int Second) Largest(int product, int mostFirst, int mostSecond)
    {
        (int First, int Second) best = (1, 1);
        for (int first = 1; first <= Math.Min(product, mostFirst); first++)
        {
            int second = Math.Min(product / first, mostSecond);
            long gain = ((long)first * second) - ((long)best.First * best.Second);
            if (gain > 0 || (gain == 0 && Math.Abs(first - second) < Math.Abs(best.First - best.Second)))
                best = (first, second);
        }
        return best;
    }

    /// <summary>The most even factors of exactly this product.</summary>
    public static (int First, int Second) Even(int product)
    {
        int first = (int)Math.Sqrt(product);
        while (product % first != 0)
            first--;
        return (first, product / first);
    }
}
