using System.Diagnostics;
using System.Text.Json.Nodes;

namespace LowRankTools.NotebookRunner;

/// <summary>A cell that failed.</summary>
/// <param name="Number">Its place in the file, from 1, text cells counted.</param>
/// <param name="Source">Its text.</param>
/// <param name="Message">What it said.</param>
public sealed record CellFailure(int Number, string Source, string Message);

/// <summary>How a notebook is run.</summary>
/// <param name="IsQuick">Whether cells that measure do so for a shorter time.</param>
/// <param name="CellLimit">Longest time for one cell.</param>
/// <param name="ToolFolder">A folder from which the tool's manifest is found.</param>
public sealed record RunOptions(bool IsQuick, TimeSpan CellLimit, string ToolFolder);

/// <summary>Runs notebooks from top to bottom in a fresh process each.</summary>
public static class NotebookRun
{
    /// <summary>Runs the cells of a notebook until one fails, and leaves their outputs in it.</summary>
    /// <param name="notebook">The notebook; its cells' outputs are replaced as they come.</param>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Stops the run.</param>
    /// <param name="ran">Told of each cell that ran and its time; null for nobody.</param>
    /// <returns>The cell that failed, or null when all ran.</returns>
    public static async Task<CellFailure?> RunAsync(Notebook notebook, RunOptions options, CancellationToken cancellation, Action<NotebookCell, TimeSpan>? ran = null)
    {
        string folder = Path.GetDirectoryName(notebook.Path)!;
        string temporary = Directory.CreateTempSubdirectory("lowrank-run-").FullName;
        OutputCleaner.Hide(temporary, "<temp>");
        OutputCleaner.Hide(Path.GetFullPath(options.ToolFolder), "<clone>");
        Dictionary<string, string> environment = new()
        {
            ["LOWRANK_NOTEBOOK"] = options.IsQuick ? "quick" : "full",
            ["TMPDIR"] = temporary,
            ["TMP"] = temporary,
            ["TEMP"] = temporary,
        };
        try
        {
            await using InteractiveKernel kernel = await InteractiveKernel.StartAsync(options.ToolFolder, folder, environment, cancellation);
            int count = 0;
            foreach (NotebookCell cell in notebook.Cells.Where(c => c.IsCode))
            {
                using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
                limit.CancelAfter(options.CellLimit);
                try
                {
                    long start = Stopwatch.GetTimestamp();
                    (JsonArray outputs, string? failure) = await kernel.RunAsync(cell, limit.Token);
                    cell.Outputs = outputs;
                    cell.Json["execution_count"] = ++count;
                    ran?.Invoke(cell, Stopwatch.GetElapsedTime(start));
                    if (failure is not null)
                        return new CellFailure(cell.Number, cell.Source, OutputCleaner.Clean(failure));
                }
                catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
                {
                    return new CellFailure(cell.Number, cell.Source, $"took longer than {options.CellLimit.TotalSeconds:0} seconds");
                }
                catch (InvalidOperationException e)
                {
                    return new CellFailure(cell.Number, cell.Source, e.Message);
                }
            }
            return null;
        }
        finally
        {
            Directory.Delete(temporary, recursive: true);
        }
    }
}
