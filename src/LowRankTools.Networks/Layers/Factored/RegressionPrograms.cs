namespace LowRankTools.Networks.Layers.Factored;

/// <summary>
/// The ways to contract tokens x (n_1 ... n_d) with a decomposed weight n_1 x ... x n_d x o_1 x ... x o_e: through the factors, in every order of the modes that leads there, or with the weight multiplied out.
/// </summary>
/// <param name="method">Cp, Tucker or TensorTrain.</param>
/// <param name="inputs">n_1 to n_d.</param>
/// <param name="outputs">o_1 to o_e.</param>
/// <param name="factors">Shapes of the factors.</param>
internal sealed class RegressionPrograms(string method, int[] inputs, int[] outputs, int[][] factors)
{
    private readonly int _in = inputs.Aggregate(1, (n, s) => n * s), _out = outputs.Aggregate(1, (n, s) => n * s);

    /// <summary>All of them; tokens x in and the factors go in, tokens x out comes out.</summary>
    public IEnumerable<FactorProgram> All(int tokens)
    {
        yield return Rebuilt(tokens);
        foreach (FactorProgram program in method switch { "Cp" => [ThroughColumns(tokens)], "TensorTrain" => ThroughCores(tokens), _ => ThroughCore(tokens) }) yield return program;
    }

    /// <summary>The weight (n_1 ... n_d) x (o_1 ... o_e) of the factors alone.</summary>
    public FactorProgram Dense()
    {
        FactorProgram program = new(factors);
        Reshape(program, Weight(program, 0), _in, _out);
        return program;
    }

    private FactorProgram Rebuilt(int tokens)
    {
        FactorProgram program = Start(tokens);
        program.Multiply(0, Reshape(program, Weight(program, 1), _in, _out), tokens, _out);
        return program;
    }

    // CP: the Khatri-Rao products of the inputs' and of the outputs' factors are a pair of R columns.
    private FactorProgram ThroughColumns(int tokens)
    {
        FactorProgram program = Start(tokens);
        (int left, int right) = Pair(program, 1);
        int columns = factors[0][0], inner = program.Multiply(0, left, tokens, columns);
        program.MultiplyTransposed(inner, right, tokens, _out);
        return program;
    }

    // Tucker: the inputs' modes become smaller, then comes the core, then the outputs' modes become larger.
    private IEnumerable<FactorProgram> ThroughCore(int tokens)
    {
        int[] core = factors[0];
        ModeStep[] before = Steps(1, 0, inputs.Length, transposed: false), after = Steps(1, inputs.Length, outputs.Length, transposed: true);
        foreach (ModeStep[] into in ModeSteps.Orders(before))
        {
            foreach (ModeStep[] outOf in ModeSteps.Orders(after))
            {
                FactorProgram program = Start(tokens);
                (int state, int[] sizes) = ModeSteps.Apply(program, 0, [tokens, .. inputs], into);
                int[] kept = core[inputs.Length..];
                int middle = program.Multiply(Reshape(program, state, tokens, Size(sizes[1..])), Reshape(program, 1, Size(core[..inputs.Length]), Size(kept)), [tokens, .. kept]);
                (int result, _) = ModeSteps.Apply(program, middle, [tokens, .. kept], outOf);
                Reshape(program, result, tokens, _out);
                yield return program;
            }
        }
    }

    // A train: the inputs' cores one after another or multiplied out, then those of the outputs in the same way.
    private IEnumerable<FactorProgram> ThroughCores(int tokens)
    {
        foreach ((bool joinInputs, bool joinOutputs) in new[] { (false, false), (false, true), (true, false), (true, true) })
        {
            FactorProgram program = Start(tokens);
            int rank = factors[inputs.Length][0], state;
            if (joinInputs)
                state = program.Multiply(0, Reshape(program, Chain(program, 1, 0, inputs.Length), _in, rank), tokens, rank);
            else
                state = CoreByCore(program, tokens);
            if (joinOutputs)
            {
                program.Multiply(state, Reshape(program, Chain(program, 1, inputs.Length, outputs.Length), rank, _out), tokens, _out);
            }
            else
            {
                int done = 1;
                for (int k = inputs.Length; k < factors.Length; k++)
                {
                    int[] core = factors[k];
                    done *= core[1];
                    state = Reshape(program, program.Multiply(Reshape(program, state, program.Shape(state).Aggregate(1, (n, s) => n * s) / core[0], core[0]), k + 1, tokens, done * core[2]), tokens * done, core[2]);
                }

                Reshape(program, state, tokens, _out);
            }

            yield return program;
        }
    }

    // State: (tokens, modes to come, the open rank); each core takes its mode and the rank together.
    private int CoreByCore(FactorProgram program, int tokens)
    {
        int state = 0, rest = _in;
        for (int k = 0; k < inputs.Length; k++)
        {
            int[] core = factors[k];
            rest /= core[1];
            state = program.Permute(state, [tokens, core[1], rest, core[0]], [0, 2, 3, 1], tokens * rest, core[0] * core[1]);
            state = program.Multiply(state, Reshape(program, k + 1, core[0] * core[1], core[2]), tokens * rest, core[2]);
        }

        return state;
    }

    // The weight, of as many entries as it has; factors have numbers from the first one on.
    private int Weight(FactorProgram program, int first)
    {
        if (method == "TensorTrain") return Chain(program, first, 0, factors.Length);
        if (method == "Cp")
        {
            (int left, int right) = Pair(program, first);
            return program.MultiplyTransposed(left, right, _in, _out);
        }

        // All modes but the first stand still: a leading mode of one is what the tokens are elsewhere.
        ModeStep[] steps = Steps(first, 0, inputs.Length + outputs.Length, transposed: true);
        return ModeSteps.Apply(program, first, [1, .. factors[0]], steps.OrderBy(s => (double)s.To / s.From)).State;
    }

    // Weights and the inputs' factors on one side, those of the outputs on the other.
    private (int Left, int Right) Pair(FactorProgram program, int first)
    {
        int left = first;
        for (int k = 0; k < inputs.Length; k++) left = program.KhatriRao(k == 0 ? Reshape(program, first, 1, factors[0][0]) : left, first + 1 + k);
        int right = first + 1 + inputs.Length;
        for (int k = 1; k < outputs.Length; k++) right = program.KhatriRao(right, first + 1 + inputs.Length + k);
        return (left, right);
    }

    private int Chain(FactorProgram program, int first, int from, int count)
    {
        int state = first + from, done = factors[from][0] * factors[from][1];
        for (int k = from + 1; k < from + count; k++)
        {
            int[] core = factors[k];
            state = program.Multiply(Reshape(program, state, done, core[0]), first + k, done, core[1] * core[2]);
            done *= core[1];
        }

        return state;
    }

    // Modes that have a factor: from their sizes to ranks, or back, (size x rank) being the matrix.
    private ModeStep[] Steps(int first, int from, int count, bool transposed)
    {
        int[] all = [.. inputs, .. outputs];
        List<ModeStep> steps = [];
        int next = 1;
        for (int n = 0; n < all.Length; n++)
        {
            int rank = factors[0][n];
            if (rank == all[n]) continue;
            if (n >= from && n < from + count) steps.Add(new ModeStep(n - from + 1, first + next, transposed ? rank : all[n], transposed ? all[n] : rank, transposed));
            next++;
        }

        return [.. steps];
    }

    private FactorProgram Start(int tokens) => new([[tokens, _in], .. factors]);

    private static int Reshape(FactorProgram program, int tensor, params int[] shape) => program.Permute(tensor, shape, [.. Enumerable.Range(0, shape.Length)], shape);

    private static int Size(IEnumerable<int> sizes) => sizes.Aggregate(1, (n, s) => n * s);
}
