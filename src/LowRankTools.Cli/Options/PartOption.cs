using System.CommandLine;
using LowRankTools.Core.Plans;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Options;

/// <summary>Which part of how many a verb works on.</summary>
internal static class PartOption
{
    public static Option<PartNumber?> Create() => new("--part")
    {
        Description = "Work on one part of the layers, such as 3/16, and leave it for lowrank join.",
        HelpName = "n/of",
        CustomParser = result =>
        {
            try
            {
                return PartNumber.Parse(result.Tokens[0].Value);
            }
            catch (LowRankToolsException e)
            {
                result.AddError(e.Message);
                return null;
            }
        },
    };
}
