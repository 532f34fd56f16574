using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Decompositions.Tucker;

/// <summary>A Tucker decomposition on its way: the core, and for every mode that is reduced U_n^T as rows.</summary>
internal sealed class TuckerState(Tensor core, Matrix<double>?[] bases, double squaredNorm) : IDisposable
{
    public Tensor Core { get; private set; } = core;

    /// <summary>U_n^T, R_n x I_n; null for a mode that is not reduced.</summary>
    public Matrix<double>?[] Bases => bases;

    public double SquaredNorm => squaredNorm;

    /// <summary>With orthonormal bases ||X - X'||^2 = ||X||^2 - ||G||^2.</summary>
    public double RelativeError => squaredNorm == 0 ? 0 : Math.Sqrt(Math.Max(0, 1 - (Core.SquaredNorm() / squaredNorm)));

    /// <summary>Another basis of a mode, and the core that goes with it.</summary>
    public void Replace(int mode, Matrix<double> basis, Tensor core)
    {
        bases[mode]?.Dispose();
        bases[mode] = basis;
        Core.Dispose();
        Core = core;
    }

    public void Dispose()
    {
        Core.Dispose();
        foreach (Matrix<double>? basis in bases)
            basis?.Dispose();
    }
}
