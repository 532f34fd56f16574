using System.Globalization;
using System.Text;

namespace LowRankTools.Fuzzing.Running;

/// <summary>What became of the inputs of a run, by model and by error.</summary>
internal sealed class FuzzSummary
{
    private readonly SortedDictionary<string, SortedDictionary<string, int>> _byModel = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, int> _byError = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    public int Inputs { get; private set; }

    /// <summary>Seconds that the run took.</summary>
    public double Seconds { get; set; }

    /// <summary>Most memory that the process has had.</summary>
    public static long PeakBytes
    {
        get
        {
            using System.Diagnostics.Process self = System.Diagnostics.Process.GetCurrentProcess();
            return self.PeakWorkingSet64;
        }
    }

    public IEnumerable<string> Models => _byModel.Keys;

    public IEnumerable<string> Errors => _byError.Keys;

    /// <summary>How often something became of a model's inputs: <c>accepted</c>, <c>refused</c>, <c>factorized</c>, <c>merged</c>.</summary>
    public int Count(string model, string what) => _byModel.GetValueOrDefault(model)?.GetValueOrDefault(what) ?? 0;

    public int Count(string what) => _byModel.Values.Sum(m => m.GetValueOrDefault(what));

    public void Add(string model, Verdict verdict)
    {
        lock (_lock)
        {
            Inputs++;
            SortedDictionary<string, int> counts = _byModel.TryGetValue(model, out SortedDictionary<string, int>? known) ? known : _byModel[model] = [];
            Tally(counts, verdict.Refused is null ? "accepted" : "refused");
            if (verdict.Factorized == Verdict.Done)
                Tally(counts, "factorized");
            if (verdict.Merged == Verdict.Done)
                Tally(counts, "merged");
            foreach (string? id in (string?[])[verdict.Refused, verdict.Factorized, verdict.Merged])
            {
                if (id is { Length: > 0 } and not Verdict.Done)
                    Tally(_byError, id);
            }
        }
    }

    public override string ToString()
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        StringBuilder text = new();
        text.AppendLine(culture, $"{Inputs} inputs in {Seconds:F1} s, {Inputs / Math.Max(Seconds, 0.001):F0} a second; peak memory {PeakBytes >> 20} MB.");
        text.AppendLine(culture, $"{"",-28}{"accepted",10}{"refused",10}{"factorized",12}{"merged",10}");
        foreach (string model in _byModel.Keys)
            text.AppendLine(culture, $"{model,-28}{Count(model, "accepted"),10}{Count(model, "refused"),10}{Count(model, "factorized"),12}{Count(model, "merged"),10}");
        text.AppendLine(string.Join(", ", _byError.Select(e => string.Create(culture, $"{e.Key} {e.Value}"))));
        return text.ToString();
    }

    private static void Tally(SortedDictionary<string, int> counts, string what) => counts[what] = counts.GetValueOrDefault(what) + 1;
}
