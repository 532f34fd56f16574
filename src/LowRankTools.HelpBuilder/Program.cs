using System.Text;
using LowRankTools.HelpBuilder;
using LowRankTools.PowerShell.Errors;

// Writes what Get-Help reads from what people read: docs/cmdlets/*.md and the compiled cmdlets.
// usage: LowRankTools.HelpBuilder <folder of pages> <folder of help>
string pages = args[0], help = args[1];
System.Reflection.Assembly module = typeof(CommandErrors).Assembly;
Directory.CreateDirectory(help);

IReadOnlyList<CommandInfo> commands = CommandInfo.All(module);
Maml.Document([.. commands.Select(c => Maml.Command(c, Page.Read(Path.Combine(pages, c.Name + ".md"))))])
    .Save(Path.Combine(help, Path.GetFileName(module.Location) + "-Help.xml"));

foreach (string about in Directory.EnumerateFiles(pages, "about_*.md"))
{
    string topic = Path.GetFileNameWithoutExtension(about);
    string text = AboutTopic.FromPage(Page.Read(about)) + (topic == AboutTopic.Errors ? AboutTopic.ErrorIds() : string.Empty);
    File.WriteAllText(Path.Combine(help, topic + ".help.txt"), text, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true));
}
