using LowRankTools.Core.Figures;
using Microsoft.DotNet.Interactive;
using Microsoft.DotNet.Interactive.CSharp;

namespace LowRankTools.Interactive;

/// <summary>Makes a running notebook know this library: its assemblies, its figures, its tables.</summary>
public static class NotebookSession
{
    /// <summary>Prepares the kernels of a notebook. A notebook's first cell calls it; calling it again does no harm.</summary>
    /// <param name="root">The notebook's outermost kernel.</param>
    /// <param name="moduleFolder">Folder with the module's assemblies, <c>module/bin</c> of a clone.</param>
    public static void Start(Kernel root, string moduleFolder)
    {
        string plotly = Path.Combine(moduleFolder, "interactive", "plotly");
        PlotlyLoader.Attach(plotly);
        FigureFormatters.Register();
        ValueFormatters.Register();
        string[] assemblies =
        [
            .. Directory.GetFiles(moduleFolder, "LowRankTools.*.dll"),
            typeof(NotebookSession).Assembly.Location,
            .. Directory.GetFiles(plotly, "*.dll"),
        ];
        foreach (CSharpKernel kernel in (root as CompositeKernel)?.ChildKernels.OfType<CSharpKernel>() ?? [])
            kernel.AddAssemblyReferences(assemblies);
    }

    /// <summary>Shows a figure below the cell that runs.</summary>
    /// <param name="figure">What to show.</param>
    /// <exception cref="InvalidOperationException">No cell is running.</exception>
    public static void Show(Figure figure) =>
        (KernelInvocationContext.Current ?? throw new InvalidOperationException("Figures are shown by the cell of a notebook that runs.")).Display(figure);
}
