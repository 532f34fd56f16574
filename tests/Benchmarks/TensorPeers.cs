using System.Globalization;
using System.Runtime.InteropServices;
using LowRankTools.Decompositions;
using LowRankTools.Decompositions.Methods;
using LowRankTools.Decompositions.Tensors;

namespace LowRankTools.Benchmarks;

/// <summary>
/// TensorLy on NumPy and on PyTorch, torchTT and scikit-tensor, each where <c>python3</c> has it (PYTHONPATH may say where), in processes that stay, so that runs alternate with ours.
/// </summary>
internal sealed class TensorPeers : IDisposable
{
    // scikit-tensor is of Python 2 and of an old NumPy: it gets the names that it misses, and runs unchanged.
    private const string Script = """
        import sys, time, builtins, functools, warnings, numpy, torch
        warnings.simplefilter('ignore')
        torch.set_num_threads(int(__import__('os').environ['OMP_NUM_THREADS']))
        kept = {}
        def scikit():
            builtins.xrange, builtins.reduce, time.clock = range, functools.reduce, time.perf_counter
            numpy.float, numpy.int, numpy.bool = float, int, bool
            import importlib.util, types
            # The package itself imports its sparse tensors, which no longer load; the two modules that count stand alone.
            def load(name):
                place = [p + '/sktensor/' + name + '.py' for p in sys.path if __import__('os').path.exists(p + '/sktensor/' + name + '.py')][0]
                spec = importlib.util.spec_from_file_location('skt_' + name, place); m = importlib.util.module_from_spec(spec); spec.loader.exec_module(m); return m
            return load
        def has(lib):
            try:
                if lib == 'scikit': scikit()('indscal'); scikit()('dedicom')
                elif lib == 'torchtt': import torchtt
                else: import tensorly
                return 1
            except Exception as e: print(lib, e, file=sys.stderr); return 0
        def dense(x): return x if isinstance(x, numpy.ndarray) else x.detach().numpy()
        def run(lib, what, a, rank):
            t = time.perf_counter
            if lib == 'scikit':
                x, s = [numpy.ascontiguousarray(m) for m in a], t()
                if what == 'Dedicom':
                    A, R, D, *_ = scikit()('dedicom').asalsan(x, rank[0]); s = t() - s
                    return s, numpy.stack([A @ numpy.diag(d) @ R @ numpy.diag(d) @ A.T for d in D])
                A, D = scikit()('indscal').orth_als(x, rank[0]); s = t() - s
                return s, numpy.stack([A @ numpy.diag(d) @ A.T for d in D])
            if lib == 'torchtt':
                import torchtt
                x = torch.from_numpy(a).reshape(4, 8, 8, 4, 4, 8, 8, 4); s = t()
                d = torchtt.TT(x, shape=[(4, 4), (8, 8), (8, 8), (4, 4)], eps=0.0, rmax=rank[0]); s = t() - s
                return s, d.full().numpy().reshape(1024, 1024)
            import tensorly as tl
            from tensorly.decomposition import parafac, tucker, tensor_train_matrix, non_negative_parafac_hals
            tl.set_backend(lib); x = tl.tensor(a); s = t()
            # Its start from singular vectors asks for a square of the unfolding's columns where a mode is smaller than the rank.
            if what == 'Cp': d = parafac(x, rank[0], n_iter_max=100, tol=0, init='svd' if min(a.shape) >= rank[0] else 'random', random_state=0); s = t() - s; full = tl.cp_to_tensor(d)
            elif what == 'Tucker': d = tucker(x, rank=rank); s = t() - s; full = tl.tucker_to_tensor(d)
            elif what == 'NonNegativeCp': d = non_negative_parafac_hals(x, rank[0], n_iter_max=100, tol=0, init='svd', random_state=0); s = t() - s; full = tl.cp_to_tensor(d)
            else:
                d = tensor_train_matrix(tl.reshape(x, (4, 8, 8, 4, 4, 8, 8, 4)), rank=[1, rank[0], rank[0], rank[0], 1]); s = t() - s
                full = tl.reshape(tl.tt_matrix_to_tensor(d), (1024, 1024))
            return s, dense(full)
        for line in sys.stdin:
            lib, what, *w = line.split()
            if what == 'has': print(has(lib), 0, flush=True); continue
            if kept.get('path') != w[0]:
                a = numpy.fromfile(w[0], dtype=numpy.float64).reshape([int(n) for n in w[1].split(',')]); kept.update(path=w[0], a=a, errors={})
            numpy.random.seed(0)
            try: seconds, full = run(lib, what, kept['a'], [int(r) for r in w[2].split(',')])
            except Exception as e: print(lib, what, repr(e)[:200], file=sys.stderr); print('inf inf', flush=True); continue
            a, key = kept['a'], (lib, what)
            if key not in kept['errors']: kept['errors'][key] = float(numpy.linalg.norm((a - full).reshape(-1)) / numpy.linalg.norm(a.reshape(-1)))
            print(seconds, kept['errors'][key], flush=True)
        """;

    private readonly List<PeerProcess> _processes = PeerProcess.Start(2, Script);
    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-bench-").FullName;
    private int _files;

    /// <summary>
    /// Times ours and every peer in turns and prints the ratio to the fastest of the peers, with the error of each.
    /// </summary>
    public void Compare(string name, Tensor tensor, string method, DecompositionOptions options, int runs, IReadOnlyList<int> ranks, params string[] libraries)
    {
        string path = Path.Combine(_folder, $"{_files++}.bin");
        File.WriteAllBytes(path, MemoryMarshal.AsBytes(tensor.Values).ToArray());
        double error = 0, best = double.MaxValue;
        int sweeps = 0;
        (string Library, string Kernels, double Seconds, double Error)? fastest = null;
        foreach (string library in _processes.Count == 0 ? [""] : libraries)
        {
            // No runs at all mean a peer that takes half a minute: it is asked once more than its warm-up, on the kernels of its own choice.
            List<PeerProcess> peers = library.Length > 0 && _processes[0].Ask($"{library} has").Seconds == 1 ? runs == 0 ? [_processes[0]] : _processes : [];
            (double ours, (string Name, double Seconds, double Error)? peer) = PeerProcess.Alternate(Math.Max(1, runs), () =>
            {
                using Decomposition found = DecompositionMethods.Find(method).Decompose(tensor, options);
                (error, sweeps) = (found.RelativeError, found.Iterations);
            }, peers, string.Create(CultureInfo.InvariantCulture, $"{library} {method} {path} {string.Join(',', tensor.Shape)} {string.Join(',', ranks)}"));
            best = Math.Min(best, ours);
            if (peer is not { } p)
                continue;
            Timing.Print($"      {name}, {Title(library)} ({p.Name}): {p.Seconds:0.0000} s, error {p.Error:0.000000}");
            if (fastest is null || p.Seconds < fastest.Value.Seconds)
                fastest = (library, p.Name, p.Seconds, p.Error);
        }
        Timing.Print($"   {name}: {best:0.0000} s, error {error:0.000000}, {sweeps} iterations");
        if (fastest is { } f)
            Timing.Print($"      {f.Seconds / best:0.0} times as fast as {Title(f.Library)}; error over its: {error / f.Error:0.00000}; {(f.Seconds / best >= 3 && error <= f.Error * 1.0001 ? "goal kept" : "goal missed")} (3 times, no larger error)");
        else
            Console.WriteLine($"      peers absent: {string.Join(", ", libraries.Select(Title))}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _processes.ForEach(p => p.Dispose());
        Directory.Delete(_folder, recursive: true);
    }

    private static string Title(string library) => library switch
    {
        "numpy" => "TensorLy on NumPy",
        "pytorch" => "TensorLy on PyTorch",
        "torchtt" => "torchTT",
        _ => "scikit-tensor",
    };
}
