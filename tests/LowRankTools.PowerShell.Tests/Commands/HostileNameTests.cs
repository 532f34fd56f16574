using LowRankTools.Tests;

namespace LowRankTools.PowerShell.Tests.Commands;

/// <summary>Names that would turn the screen's text about, and things in a folder that are no models.</summary>
public sealed class HostileNameTests(PwshSession session) : IClassFixture<PwshSession>, IDisposable
{
    private const string Turned = "layer.\u202Ethgiew";

    private readonly Sandbox _sandbox = new();

    public void Dispose() => _sandbox.Dispose();

    [PwshTheory]
    [InlineData("Get-LayerShapes m.safetensors | Out-String -Width 120")]
    [InlineData("Get-LayerShapes m.safetensors | Format-List | Out-String -Width 120")]
    [InlineData("Measure-ParameterCount m.safetensors -Detailed | Out-String -Width 120")]
    [InlineData("Get-LayerSpectrum m.safetensors | Format-List | Out-String -Width 120")]
    public void Marks_of_direction_are_spelt_out_in_views(string command)
    {
        _sandbox.WriteModel("m.safetensors", (Turned, [4, 4]));
        string shown = Assert.Single(session.Run(_sandbox, command).Output).GetString()!;
        Assert.DoesNotContain('\u202E', shown);
        Assert.Contains("layer.\\u202Ethgiew", shown, StringComparison.Ordinal);
    }

    [PwshFact]
    public void The_object_keeps_the_name_as_it_is()
    {
        _sandbox.WriteModel("m.safetensors", (Turned, [4, 4]));
        Assert.Equal(Turned, Assert.Single(session.Run(_sandbox, "(Get-LayerShapes m.safetensors).Name").Output).GetString());
    }

    [PwshFact]
    public void Marks_of_direction_are_spelt_out_in_errors()
    {
        _sandbox.WriteText("\u202Edamaged.safetensors", "\u0008\u0008\u0008\u0008\u0008\u0008\u0008\u0008 and so on");
        Fault fault = Assert.Single(session.Run(_sandbox, "Measure-ParameterCount *damaged.safetensors").Errors);
        Assert.DoesNotContain('\u202E', fault.Message);
        Assert.Contains("\\u202Edamaged", fault.Message, StringComparison.Ordinal);
    }

    [PwshFact]
    public void What_is_passed_over_in_a_folder_is_warned_of_and_the_rest_is_listed()
    {
        if (OperatingSystem.IsWindows())
            return; // has no named pipes in folders
        SpecialFile.Pipe(_sandbox["models/\u202Eb.safetensors"]);
        Directory.CreateDirectory(_sandbox["models/deep"]);
        using IDisposable deep = SpecialFile.Unlistable(_sandbox["models/deep"]);
        Reply reply = session.Run(_sandbox, "Measure-ParameterCount models -Recurse");
        Assert.Empty(reply.Errors);
        Assert.Equal(2, reply.Output.Count);
        Assert.Equal(2, reply.Warnings.Count);
        Assert.All(reply.Warnings, warning => Assert.DoesNotContain('\u202E', warning));
    }
}
