using System.CommandLine;
using LowRankTools.Cli.Input;
using LowRankTools.Cli.Options;
using LowRankTools.Cli.Output;
using LowRankTools.Cli.Reports;
using LowRankTools.Core.Layers;
using LowRankTools.Core.Models;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Commands;

/// <summary><c>lowrank shapes</c>: every tensor of every model, from headers alone.</summary>
internal static class ShapesCommand
{
    public static Command Create(ConsoleContext console)
    {
        HeaderOptions headers = new();
        Option<bool> recurse = SharedOptions.Recurse(), json = SharedOptions.Json();
        Option<string[]> include = SharedOptions.Include(), exclude = SharedOptions.Exclude();
        Option<string[]> kind = new("--kind") { Description = "Only layers of this kind; repeatable.", HelpName = "kind" };
        kind.AcceptOnlyFromAmong(StringComparer.OrdinalIgnoreCase, Enum.GetNames<LayerKind>());
        Command command = new("shapes", "List the layers and tensors of models with their shapes.") { headers.Paths, recurse, include, exclude, kind, json };
        headers.AddTo(command);
        command.SetAction(parsed =>
        {
            LayerFilter filter = new(parsed.GetValue(include), parsed.GetValue(exclude), parsed.GetValue(kind));
            return new ModelRun(console, takesAddresses: true).Each(parsed.GetRequiredValue(headers.Paths), parsed.GetValue(recurse), source =>
            {
                using Model model = Model.OpenHeaders(source, headers.Remote(parsed, console));
                List<LayerShape> shapes = [.. model.Layers.Select(l => l.Shape).Where(filter.Passes)];
                if (parsed.GetValue(json))
                    shapes.ForEach(shape => JsonLines.Write(console.Out, shape));
                else
                    ShapesReport.Write(source, shapes, console);
                if (model.File.Transfer is { } transfer)
                    console.Error.WriteLine(SafeText.Line($"note: {source.Path}: {transfer.Bytes} bytes of headers in {transfer.Requests} requests."));
            });
        });
        return command;
    }
}
