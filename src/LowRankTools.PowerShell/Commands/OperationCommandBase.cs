using LowRankTools.Core;
using LowRankTools.Core.Engines;
using LowRankTools.Core.Engines.Libraries;
using LowRankTools.Numerics.Memory;
using LowRankTools.PowerShell.Running;

namespace LowRankTools.PowerShell.Commands;

/// <summary>A cmdlet that computes: on a worker thread, with progress, stopped by Ctrl+C.</summary>
public abstract class OperationCommandBase : LowRankCommandBase, IDisposable
{
    private const long WorthGivingBack = 64 << 20;

    private static long s_settled;

    private readonly CancellationTokenSource _stop = new();

    /// <summary>Runs an operation that makes one result.</summary>
    private protected T Run<T>(string model, Func<IProgress<OperationProgress>, CancellationToken, T> work)
    {
        T? result = default;
        Stream(model, (progress, token) => (T[])[work(progress, token)], r => result = r);
        return result!;
    }

    /// <summary>Runs an operation that makes results one by one, and takes each as it comes.</summary>
    private protected void Stream<T>(string model, Func<IProgress<OperationProgress>, CancellationToken, IEnumerable<T>> work, Action<T> output)
    {
        ProgressDisplay display = new(this, model);
        try
        {
            BackgroundRun.Run(work, output, display.Show, _stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            throw new System.Management.Automation.PipelineStoppedException();
        }
        finally
        {
            display.Complete();
            // A session lives on: what one model took is not to lie beside what the next one takes.
            if (Environment.WorkingSet - s_settled > WorthGivingBack)
            {
                FreedMemory.GiveBack();
                s_settled = Environment.WorkingSet;
            }
        }
    }

    /// <summary>The choice that parameters make; their own type is text, so that importing the module loads no more than it.</summary>
    private protected static EngineChoice Choice(string engine, string? device) =>
        new() { Engine = Enum.Parse<EngineKind>(engine, ignoreCase: true), Device = device };

    /// <summary>Says which engine will compute, and warns where it is not the one that was hoped for.</summary>
    /// <exception cref="LowRankTools.Numerics.LowRankToolsException">The engine that was asked for is not there.</exception>
    private protected void TellEngine(EngineChoice choice)
    {
        SelectedEngine engine = EngineSelector.Select(choice);
        WriteVerbose($"Engine: {engine}.");
        if (engine.Fallback.Length > 0)
            WriteWarning($"The embedded engine computes. {engine.Fallback}");
    }

    /// <inheritdoc/>
    protected override void StopProcessing() => _stop.Cancel();

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Releases what the run held.</summary>
    /// <param name="disposing">True when called from <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
        if (disposing)
            _stop.Dispose();
    }
}
