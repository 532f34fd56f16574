using LowRankTools.Core;
using LowRankTools.Core.Text;
using Spectre.Console;

namespace LowRankTools.Cli.Output;

/// <summary>A bar on standard error while an operation runs, gone when it ends; nothing where that is no screen.</summary>
internal static class ProgressBar
{
    /// <summary>Runs an operation with a bar that it reports to.</summary>
    public static T Run<T>(ConsoleContext console, Func<IProgress<OperationProgress>?, T> operation) =>
        console.Terminal.Error ? Draw(console, operation) : operation(null);

    private static T Draw<T>(ConsoleContext console, Func<IProgress<OperationProgress>?, T> operation) =>
        Screen.Create(console.Error, console.Terminal).Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn { Alignment = Justify.Left }, new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .Start(context => operation(new Reporter(context.AddTask("Reading"))));

    private sealed class Reporter(ProgressTask task) : IProgress<OperationProgress>
    {
        public void Report(OperationProgress value)
        {
            task.Description = Markup.Escape(SafeText.Line($"{value.Activity} {value.Item}"));
            task.MaxValue = Math.Max(1, value.Total);
            task.Value = value.Done;
        }
    }
}
