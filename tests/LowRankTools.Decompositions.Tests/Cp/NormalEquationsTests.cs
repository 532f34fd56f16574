using LowRankTools.Decompositions.Cp;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;
using LowRankTools.Numerics.Threading;

namespace LowRankTools.Decompositions.Tests;

public sealed class NormalEquationsTests
{
    [Fact]
    public void A_well_conditioned_system_is_solved()
    {
        using Matrix<double> v = Gram(40, 12), m = TestTensors.GaussianMatrix(2, 7, 12), kept = v.Copy();
        using Matrix<double> solution = NormalEquations.Solve(m, v, ComputeOptions.Default, default);
        Assert.InRange(Residual(solution, kept, m), 0, 1e-12);
    }

    [Fact]
    public void Of_dependent_columns_the_solution_solves_what_can_be_solved()
    {
        // Rank 5 of 12: M in the row space has a solution all the same.
        using Matrix<double> v = Gram(5, 12), coefficients = TestTensors.GaussianMatrix(2, 7, 12), kept = v.Copy();
        using Matrix<double> m = new(7, 12);
        Gemm.Multiply(1, coefficients.View, kept.View, 0, m.View);
        using Matrix<double> solution = NormalEquations.Solve(m, v, ComputeOptions.Default, default);
        Assert.InRange(Residual(solution, kept, m), 0, 1e-9);
    }

    [Fact]
    public void A_component_of_zeros_stays_zero()
    {
        using Matrix<double> v = new(2, 2), m = Matrix<double>.From(1, 2, [6, 0]);
        v[0, 0] = 3;
        using Matrix<double> solution = NormalEquations.Solve(m, v, ComputeOptions.Default, default);
        Assert.Equal([2.0, 0.0], solution.ToArray());
    }

    private static Matrix<double> Gram(int rows, int columns)
    {
        using Matrix<double> a = TestTensors.GaussianMatrix(1, rows, columns);
        Matrix<double> gram = new(columns, columns);
        Gemm.MultiplyByOwnTranspose(1, a.Transposed, 0, gram.View);
        return gram;
    }

    private static double Residual(Matrix<double> solution, Matrix<double> v, Matrix<double> m)
    {
        using Matrix<double> left = m.Copy();
        Gemm.Multiply(-1, solution.View, v.View, 1, left.View);
        return Math.Sqrt(left.ToArray().Sum(x => x * x) / m.ToArray().Sum(x => x * x));
    }
}
