using System.CommandLine;
using LowRankTools.Core.Plans;
using LowRankTools.Core.Records;

namespace LowRankTools.Cli.Options;

/// <summary>Inputs that the truncation is fitted to.</summary>
internal sealed class CalibrationOptionsGroup
{
    private readonly Option<string?> _file = new("--calibration")
    {
        Description = "File with the layers' inputs or their Gram matrices; the truncation then loses the least on those inputs.",
        HelpName = "path",
    };

    private readonly Option<string?> _mode = SharedOptions.Choice("--calibration-mode", "How much of the calibration is used; full by default.", Enum.GetNames<CalibrationMode>());
    private readonly Option<bool> _refit = new("--calibration-refit") { Description = "Fit one factor again, by least squares on the calibration inputs, to the other as it is stored." };

    /// <summary>Adds the options and the rule that there is something to use.</summary>
    /// <param name="command">The verb.</param>
    /// <param name="refit">Whether the verb makes factors that could be refitted.</param>
    public void AddTo(Command command, bool refit = true)
    {
        command.Add(_file);
        command.Add(_mode);
        if (refit)
            command.Add(_refit);
        command.Validators.Add(result =>
        {
            if (result.GetResult(_file) is null && (result.GetResult(_mode) is not null || result.GetResult(_refit) is not null))
                result.AddError("--calibration-mode and --calibration-refit need a --calibration.");
        });
    }

    /// <summary>What was chosen; null for the weights alone.</summary>
    public CalibrationOptions? Choice(ParseResult parsed) => parsed.GetValue(_file) is not { } path ? null : new CalibrationOptions
    {
        Path = System.IO.Path.GetFullPath(path),
        Mode = parsed.GetValue(_mode) is { } mode ? Enum.Parse<CalibrationMode>(mode, ignoreCase: true) : CalibrationMode.Full,
        Refit = parsed.GetValue(_refit),
    };
}
