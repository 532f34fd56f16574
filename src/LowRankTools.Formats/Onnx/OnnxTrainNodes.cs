namespace LowRankTools.Formats.Onnx;

/// <summary>
/// Nodes that multiply by the cores of a TT-matrix in place of one that multiplied by the matrix. The last side of x (..., in) becomes digits n1, n2, ...; core after core takes
/// the rank and a digit of the input out of it and puts a digit of the output and the next rank in, by one MatMul each; between two, a Transpose brings the new digit to the front,
/// behind those before it. All sizes but the number of rows are constants.
/// </summary>
/// <param name="nodes">Makes the nodes.</param>
/// <param name="factors">The cores (r, m, n, r').</param>
internal sealed class OnnxTrainNodes(OnnxProductNodes nodes, OnnxFactors factors)
{
    /// <summary>Version of the operators from which sums of sizes that differ need no more to be said.</summary>
    public const int Version = 7;

    /// <summary>Makes all nodes.</summary>
    public void Replace()
    {
        nodes.RequireProduct();
        long[][] cores = [.. factors.Factors.Select(f => f.Shape.ToArray())];
        long outputs = cores.Aggregate(1L, (m, c) => m * c[1]);
        string shape = nodes.OutputShape(outputs);
        // (rows, n1, n2 n3 ...): rank 1 is in front.
        string state = nodes.Emit("Reshape", [nodes.Input, nodes.Numbers(-1, cores[0][2], Rest(cores, 0))]);
        for (int k = 0; k < cores.Length; k++)
        {
            long[] core = cores[k];
            string matrix = nodes.Emit("Reshape", [Transposed(factors.Factors[k].Name, 0, 2, 1, 3), nodes.Numbers(core[0] * core[2], core[1] * core[3])]);
            // (rows, r n, rest) to (rows, rest, m r').
            string product = nodes.Emit("MatMul", [Transposed(state, 0, 2, 1), matrix]);
            if (k == cores.Length - 1)
            {
                state = product;
                break;
            }
            string apart = nodes.Emit("Reshape", [product, nodes.Numbers(-1, cores[k + 1][2], Rest(cores, k + 1), core[1], core[3])]);
            state = nodes.Emit("Reshape", [Transposed(apart, 0, 3, 4, 1, 2), nodes.Numbers(-1, core[3] * cores[k + 1][2], Rest(cores, k + 1))]);
        }
        nodes.Finish(output => nodes.Emit("Reshape", [state, shape], output: output));
    }

    // Digits of the input behind digit k together.
    private static long Rest(long[][] cores, int k) => cores.Skip(k + 1).Aggregate(1L, (n, c) => n * c[2]);

    private string Transposed(string value, params long[] order) => nodes.Emit("Transpose", [value], [OnnxProductNodes.Ints("perm", order)]);
}
