using System.Runtime.InteropServices;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Benchmarks;

/// <summary>Tensor decompositions, beside TensorLy on NumPy where Python has it.</summary>
internal static class TensorBenchmark
{
    private const int Runs = 5;

    // Best of five, as here; what is measured is prepared before the clock starts.
    private const string Script = """
        import sys, time, numpy, tensorly
        from tensorly.decomposition import parafac, tucker, tensor_train
        what, path, ranks = sys.argv[1], sys.argv[2], [int(r) for r in sys.argv[3].split(',')]
        a = numpy.fromfile(path, dtype=numpy.float64).reshape([int(n) for n in sys.argv[4].split(',')])
        def run():
            # Its start from singular vectors asks for a square of the unfolding's columns where a mode is smaller than the rank.
            if what == 'Cp': return parafac(a, ranks[0], n_iter_max=100, tol=0, init='svd' if min(a.shape) >= ranks[0] else 'random', random_state=0)
            return tucker(a, rank=ranks) if what == 'Tucker' else tensor_train(a, rank=[1] + ranks + [1])
        best = 1e9
        for _ in range(6):
            t = time.perf_counter(); d = run(); best = min(best, time.perf_counter() - t)
        full = tensorly.tt_to_tensor(d) if what == 'TensorTrain' else tensorly.cp_to_tensor(d) if what == 'Cp' else tensorly.tucker_to_tensor(d)
        print('%.4f s, error %.6f' % (best, numpy.linalg.norm(a - full) / numpy.linalg.norm(a)))
        """;

    public static void Run()
    {
        string folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
        try
        {
            bool peer = Timing.Peer("/usr/bin/python3", "-c", "import tensorly") is not null;
            foreach (double decay in new[] { 0, 1.0 })
            {
                Case(folder, peer, decay, "Cp", [256, 256, 9], new DecompositionOptions { Ranks = [16], MaxIterations = 100, Rest = 0 });
                Case(folder, peer, decay, "Tucker", [256, 256, 3, 3], new DecompositionOptions { Ranks = [32, 32, 3, 3] });
                Case(folder, peer, decay, "TensorTrain", [16, 64, 64, 16], new DecompositionOptions { Ranks = [16] });
                Case(folder, peer, decay, "TensorTrain", [16, 64, 64, 16], new DecompositionOptions { Ranks = [16, 64, 16] });
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Case(string folder, bool peer, double decay, string method, int[] shape, DecompositionOptions options)
    {
        using Tensor tensor = Make(shape, decay);
        double error = 0;
        int sweeps = 0;
        (double median, double best) = Timing.Measure(Runs, () =>
        {
            using Decomposition found = DecompositionMethods.Find(method).Decompose(tensor, options);
            (error, sweeps) = (found.RelativeError, found.Iterations);
        });
        string ranks = string.Join(", ", options.Ranks!);
        Timing.Print($"   {method} {string.Join(" x ", shape)}, {(decay == 0 ? "normal entries" : "components falling as 1/i")}, ranks {ranks}: best of {Runs} {best / 1000:0.000} s, median {median / 1000:0.000} s, error {error:0.000000}, {sweeps} sweeps");
        if (!peer)
            return;
        string path = Path.Combine(folder, "tensor.bin");
        File.WriteAllBytes(path, MemoryMarshal.AsBytes(tensor.Values).ToArray());
        int places = method == "Tucker" ? shape.Length : method == "Cp" ? 1 : shape.Length - 1;
        string all = string.Join(',', options.Ranks!.Count == 1 ? Enumerable.Repeat(options.Ranks[0], places) : options.Ranks);
        Console.WriteLine($"      TensorLy on NumPy: {Timing.Peer("/usr/bin/python3", "-c", Script, method, path, all, string.Join(',', shape))}");
    }

    // Standard normal entries, and before them as many separable components as asked for, whose weights fall.
    private static Tensor Make(int[] shape, double decay)
    {
        Tensor tensor = new(shape);
        new DeterministicRandom(1).FillGaussian(tensor.Values);
        if (decay == 0)
            return tensor;
        for (int component = 1; component <= 40; component++)
        {
            double[][] vectors = [.. shape.Select((size, n) => Vector((ulong)((component * 8) + n), size))];
            double weight = 10 * Math.Pow(component, -decay);
            Span<double> values = tensor.Values;
            for (int i = 0; i < values.Length; i++)
            {
                double product = weight;
                for (int n = shape.Length - 1, rest = i; n >= 0; rest /= shape[n--]) product *= vectors[n][rest % shape[n]];
                values[i] += product;
            }
        }
        return tensor;
    }

    private static double[] Vector(ulong seed, int size)
    {
        double[] vector = new double[size];
        new DeterministicRandom(seed).FillGaussian(vector.AsSpan());
        return vector;
    }
}
