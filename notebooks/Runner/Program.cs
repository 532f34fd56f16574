using System.Diagnostics;
using LowRankTools.NotebookRunner;

const string Usage = """
    Runs notebooks in .NET Interactive without a front end.

    dotnet run --project notebooks/Runner -- [options] NOTEBOOK...

      --quick          measure for a shorter time
      --write          write outputs back into the notebooks; without it they are compared with the stored ones
      --times          tell each cell's time
      --limit SECONDS  longest time for one cell, 600 by default
      --export FOLDER  run nothing; write the PowerShell cells as scripts into FOLDER

    Exit code: 0 all ran and agree, 1 a cell failed, 2 outputs differ from the stored ones, 3 wrong usage.
    """;

bool quick = false, write = false, times = false;
int limit = 600;
string? export = null;
List<string> files = [];
for (int i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--quick": quick = true; break;
        case "--write": write = true; break;
        case "--times": times = true; break;
        case "--limit" when i + 1 < args.Length && int.TryParse(args[i + 1], out limit) && limit > 0: i++; break;
        case "--export" when i + 1 < args.Length: export = args[++i]; break;
        case { } file when !file.StartsWith('-'): files.Add(file); break;
        default:
            Console.Error.WriteLine(Usage);
            return 3;
    }
}
if (files.Count == 0)
{
    Console.Error.WriteLine(Usage);
    return 3;
}

using CancellationTokenSource stop = new();
Console.CancelKeyPress += (_, e) => { e.Cancel = true; stop.Cancel(); };
int code = 0;
foreach (string file in files)
{
    try
    {
        code = Math.Max(code, export is null ? await RunAsync(file) : Export(file, export));
    }
    catch (Exception e) when (e is IOException or InvalidDataException or InvalidOperationException or UnauthorizedAccessException)
    {
        Console.Error.WriteLine(e.Message);
        return 3;
    }
    catch (OperationCanceledException)
    {
        return 130;
    }
}
return code;

async Task<int> RunAsync(string file)
{
    Notebook notebook = Notebook.Read(file), stored = Notebook.Read(file);
    string clone = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(notebook.Path)!, ".."));
    Stopwatch watch = Stopwatch.StartNew();
    CellFailure? failure = await NotebookRun.RunAsync(notebook, new RunOptions(quick, TimeSpan.FromSeconds(limit), clone), stop.Token,
        times ? (cell, time) => Console.WriteLine($"  cell {cell.Number}: {time.TotalSeconds:0.0} s") : null);
    if (failure is not null)
    {
        Console.Error.WriteLine($"{notebook.Name}, cell {failure.Number} failed:\n{failure.Source.TrimEnd()}\n{failure.Message}");
        return 1;
    }
    Console.WriteLine($"{notebook.Name}: {notebook.Cells.Count(c => c.IsCode)} cells in {watch.Elapsed.TotalSeconds:0} s");
    if (write)
    {
        notebook.Save();
        return 0;
    }
    IReadOnlyList<string> differences = OutputComparison.Differences(stored, notebook);
    foreach (string difference in differences)
        Console.Error.WriteLine(difference);
    return differences.Count == 0 ? 0 : 2;
}

static int Export(string file, string folder)
{
    Notebook notebook = Notebook.Read(file);
    Directory.CreateDirectory(folder);
    string target = Path.Combine(folder, notebook.Name + ".ps1");
    File.WriteAllText(target, PowerShellExport.Write(notebook));
    Console.WriteLine(target);
    return 0;
}
