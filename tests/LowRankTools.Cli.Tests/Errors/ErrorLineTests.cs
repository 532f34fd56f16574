using LowRankTools.Cli.Errors;
using LowRankTools.Formats;
using LowRankTools.Numerics;

namespace LowRankTools.Cli.Tests.Errors;

public sealed class ErrorLineTests
{
    [Fact]
    public void Id_file_tensor_and_remedy_stand_on_one_line()
    {
        ModelFormatException error = new("TensorTruncated", "The data ends early.", "/m/a.safetensors", "layer.weight", "Use -Exclude.");
        string line = ErrorLine.Of(error);
        Assert.Equal("error TensorTruncated: /m/a.safetensors: The data ends early. (tensor 'layer.weight') Use --exclude.", line);
    }

    [Fact]
    public void Options_are_translated_in_remedies_and_nowhere_else()
    {
        string line = ErrorLine.Of(new LowRankToolsException("X", "/tmp/-Force/m: broken.", "Use -Force."));
        Assert.Equal("error X: /tmp/-Force/m: broken. Use --force.", line);
    }

    [Fact]
    public void A_message_of_several_lines_is_one_line_without_control_characters() =>
        Assert.Equal("error X: a b\\u001B[31m", ErrorLine.Of(new LowRankToolsException("X", "a\nb\u001b[31m")));

    [Fact]
    public void Errors_of_the_system_get_an_id_too()
    {
        Assert.StartsWith("error FileAccessDenied: /m: ", ErrorLine.Of("/m", new UnauthorizedAccessException("no")), StringComparison.Ordinal);
        Assert.StartsWith("error FileReadFailed: /m: ", ErrorLine.Of("/m", new IOException("no")), StringComparison.Ordinal);
        Assert.StartsWith("error OutOfMemory: /m: ", ErrorLine.Of("/m", new InsufficientMemoryException()), StringComparison.Ordinal);
    }
}
