namespace LowRankTools.Networks.Layers.Factored;

/// <summary>
/// Products of some modes of an activation with matrices, one mode after another. The mode at hand is brought to the end, where its product is a matrix product; in what order the
/// modes come is chosen by what the whole costs.
/// </summary>
internal static class ModeSteps
{
    // What moving an entry costs, in multiply-adds of a large matrix product: as for orders of tensor trains.
    private const double EntryCost = 40;

    // Above this many modes their orders are not all tried.
    private const int MostOrdered = 5;

    /// <summary>Cost of a program in multiply-adds.</summary>
    public static double CostOf(FactorProgram program) => program.Products + (EntryCost * program.Moved);

    /// <summary>The orders in which modes may be taken: all of few, one of many.</summary>
    /// <param name="steps">The modes.</param>
    public static IEnumerable<ModeStep[]> Orders(ModeStep[] steps) => steps.Length > MostOrdered ? [[.. steps.OrderBy(s => (double)s.To / s.From)]] : Permutations(steps);

    /// <summary>Adds the products to a program.</summary>
    /// <param name="program">The program.</param>
    /// <param name="state">Number of the activation.</param>
    /// <param name="sizes">Its sizes, tokens first.</param>
    /// <param name="steps">Modes of it, in the order in which they are taken.</param>
    /// <returns>Number of the result, of the same order of modes, and its sizes.</returns>
    public static (int State, int[] Sizes) Apply(FactorProgram program, int state, int[] sizes, IEnumerable<ModeStep> steps)
    {
        // Which mode lies where.
        List<int> places = [.. Enumerable.Range(0, sizes.Length)];
        int[] now = [.. sizes];
        foreach (ModeStep step in steps)
        {
            state = Arrange(program, state, places, now, [.. places.Where(m => m != step.Mode), step.Mode]);
            now[step.Mode] = step.To;
            int[] shape = [.. places.Select(m => now[m])];
            state = step.IsTransposed ? program.MultiplyTransposed(state, step.Matrix, shape) : program.Multiply(state, step.Matrix, shape);
        }

        return (Arrange(program, state, places, now, [.. Enumerable.Range(0, sizes.Length)]), now);
    }

    private static int Arrange(FactorProgram program, int state, List<int> places, int[] sizes, List<int> wanted)
    {
        int[] shape = [.. wanted.Select(m => sizes[m])];
        int arranged = program.Permute(state, [.. places.Select(m => sizes[m])], [.. wanted.Select(m => places.IndexOf(m))], shape);
        places.Clear();
        places.AddRange(wanted);
        return arranged;
    }

    private static IEnumerable<ModeStep[]> Permutations(ModeStep[] steps)
    {
        if (steps.Length == 0)
        {
            yield return [];
            yield break;
        }

        for (int i = 0; i < steps.Length; i++)
        {
            foreach (ModeStep[] rest in Permutations([.. steps[..i], .. steps[(i + 1)..]])) yield return [steps[i], .. rest];
        }
    }
}

/// <summary>One mode's product.</summary>
/// <param name="Mode">Which mode, tokens being 0.</param>
/// <param name="Matrix">Number of the matrix in the program.</param>
/// <param name="From">Size of the mode before.</param>
/// <param name="To">Size after.</param>
/// <param name="IsTransposed">Whether the matrix is To x From, not From x To.</param>
internal sealed record ModeStep(int Mode, int Matrix, int From, int To, bool IsTransposed);
