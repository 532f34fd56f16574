using System.Text;

namespace LowRankTools.NotebookRunner;

/// <summary>Writes a notebook's PowerShell cells as a script that runs without notebooks.</summary>
public static class PowerShellExport
{
    /// <summary>The script: text cells as comments, PowerShell cells as they stand; cells of other languages are left out.</summary>
    /// <param name="notebook">The notebook; its folder holds start.ps1.</param>
    public static string Write(Notebook notebook)
    {
        StringBuilder script = new();
        script.Append("# Made from ").Append(notebook.Name).Append(".ipynb: its text and its PowerShell cells.\n");
        script.Append(". '").Append(Path.Combine(Path.GetDirectoryName(notebook.Path)!, "start.ps1").Replace("'", "''", StringComparison.Ordinal)).Append("'\n");
        foreach (NotebookCell cell in notebook.Cells)
        {
            script.Append('\n');
            if (cell.IsPowerShell)
                script.Append(cell.Script.TrimEnd()).Append('\n');
            else if (!cell.IsCode)
            {
                foreach (string line in cell.Source.TrimEnd().Split('\n'))
                    script.Append(line.Length > 0 ? "# " : "#").Append(line).Append('\n');
            }
        }
        return script.ToString();
    }
}
