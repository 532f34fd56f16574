using System.Reflection;
using LowRankTools.Formats.Opening;

namespace LowRankTools.Formats.Tests;

/// <summary>Every error about a file tells its reader what to do.</summary>
public sealed class FormatRemedyTests
{
    public static TheoryData<string> Ids =>
        [.. typeof(FormatErrors).GetFields(BindingFlags.Public | BindingFlags.Static).Select(id => (string)id.GetRawConstantValue()!)];

    [Theory, MemberData(nameof(Ids))]
    public void Every_error_id_has_a_remedy(string id) => Assert.NotEmpty(new ModelFormatException(id, "Wrong.").Remedy);

    [Fact]
    public void A_remedy_that_the_place_knows_is_kept()
    {
        string general = new ModelFormatException(FormatErrors.HeaderInvalid, "Wrong.").Remedy;
        ModelFormatException placed = new(FormatErrors.HeaderInvalid, "Wrong.", remedy: "Turn it around.");
        Assert.Equal("Turn it around.", placed.Remedy);
        Assert.NotEqual(general, placed.Remedy);
    }

    [Theory]
    [InlineData(".safetensors"), InlineData(".pt"), InlineData(".onnx"), InlineData(".gguf"), InlineData(".json")]
    public void An_empty_file_is_refused_whatever_its_name(string extension)
    {
        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName() + extension);
        File.WriteAllBytes(path, []);
        try
        {
            ModelFormatException e = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path));
            Assert.Equal(FormatErrors.HeaderTruncated, e.ErrorId);
            Assert.Equal(path, e.File);
        }
        finally
        {
            File.Delete(path);
        }
    }
}
