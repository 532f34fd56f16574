using System.Diagnostics;
using LowRankTools.Fuzzing.Inputs;

namespace LowRankTools.Fuzzing.Running;

/// <summary>Examines the inputs of consecutive seeds on all processors.</summary>
/// <param name="firstSeed">Seed of the first input.</param>
/// <param name="count">How many inputs.</param>
internal sealed class Fuzzer(int firstSeed, int count)
{
    /// <summary>An input takes a millisecond; one that takes this long hangs, however busy the machine is.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    private const int MostFailures = 20;

    private readonly FuzzSummary _summary = new();
    private readonly List<string> _failures = [];
    private int _next;

    /// <summary>What was found wrong, seeds first; the first twenty.</summary>
    public IReadOnlyList<string> Failures => _failures;

    /// <summary>Examines everything, or stops after many failures or one hang.</summary>
    public FuzzSummary Run()
    {
        Stopwatch clock = Stopwatch.StartNew();
        Worker[] workers = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Worker(this))];
        Array.ForEach(workers, w => w.Start());
        foreach (Worker worker in workers)
        {
            while (!worker.Ended(TimeSpan.FromSeconds(1)))
            {
                if (Array.Find(workers, w => w.Longest > s_patience) is { } hanging)
                {
                    Fail($"seed {hanging.Seed}: not done after {s_patience}");
                    return _summary;
                }
            }
        }
        _summary.Seconds = clock.Elapsed.TotalSeconds;
        return _summary;
    }

    private bool TryNext(out int seed)
    {
        int next = Interlocked.Increment(ref _next) - 1;
        seed = unchecked(firstSeed + next);
        return next < count && _failures.Count < MostFailures;
    }

    private void Fail(string what)
    {
        lock (_failures)
            _failures.Add(what);
    }

    /// <summary>A thread with a folder of its own, in memory where the system has such a place.</summary>
    private sealed class Worker(Fuzzer owner)
    {
        private const string MemoryFolder = "/dev/shm";

        private readonly Stopwatch _clock = new();
        private Thread? _thread;

        public int Seed { get; private set; }

        public TimeSpan Longest => _clock.Elapsed;

        public void Start()
        {
            _thread = new Thread(Work) { IsBackground = true, Name = "fuzz" };
            _thread.Start();
        }

        public bool Ended(TimeSpan wait) => _thread!.Join(wait);

        private void Work()
        {
            string parent = Directory.Exists(MemoryFolder) ? MemoryFolder : Path.GetTempPath();
            string folder = Path.Combine(parent, $"lowrank-fuzz-{Guid.NewGuid():N}");
            while (owner.TryNext(out int seed))
            {
                Seed = seed;
                _clock.Restart();
                Directory.CreateDirectory(folder);
                try
                {
                    FuzzInput input = InputMaker.Make(seed);
                    Examine(input, folder);
                }
                finally
                {
                    Directory.Delete(folder, recursive: true);
                }
            }
            _clock.Reset();
        }

        private void Examine(FuzzInput input, string folder)
        {
            try
            {
                owner._summary.Add(input.Model, Examination.Examine(input, folder));
            }
            catch (FuzzFailureException e)
            {
                owner.Fail($"{input}: {e.Message}{Environment.NewLine}{e.InnerException}");
            }
        }
    }
}
