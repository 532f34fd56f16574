using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using LowRankTools.Core.Text;

namespace LowRankTools.Cli.Output;

/// <summary>Results for other programs: one object a line.</summary>
internal static class JsonLines
{
    // Paths and names stay readable; what a screen would obey is escaped all the same, in the way that JSON itself knows.
    private static readonly OutputJson s_context = new(new JsonSerializerOptions(OutputJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });

    /// <summary>Writes one record as one line.</summary>
    public static void Write<T>(TextWriter output, T record)
    {
        JsonTypeInfo<T> type = (JsonTypeInfo<T>)s_context.GetTypeInfo(typeof(T))!;
        output.Write(SafeText.Line(JsonSerializer.Serialize(record, type)));
        output.Write('\n');
    }
}
