using LowRankTools.Core.Models;
using LowRankTools.Core.Tokens;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Tokens;

/// <summary>Files of texts and tokens become sequences that the network reads, or one clear error.</summary>
public sealed class TokenTextTests : IDisposable
{
    private static readonly BertConfig s_encoder = new() { Vocabulary = 12, Width = 8, Depth = 1, Heads = 2, Hidden = 8, Positions = 4 };
    private static readonly Gpt2Config s_language = new() { Vocabulary = 12, Positions = 4, Width = 8, Depth = 1, Heads = 2, Hidden = 8 };

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_encoder_reads_the_beginning_of_a_long_line_and_a_language_model_all_of_it()
    {
        string path = Write("1 2 3\n\n[4, 5,6, 7, 8]\r\n9");
        TokenText cut = Read(path, s_encoder), parts = Read(path, s_language);
        Assert.Equal((3, 1, 8L), (cut.Lines, cut.CutLines, cut.Tokens));
        Assert.Equal([[1, 2, 3], [4, 5, 6, 7], [9]], cut.Sequences.Select(s => s.Ids));
        Assert.Equal([1, 3, 4], cut.Sequences.Select(s => s.Line));
        Assert.Equal([[1, 2, 3], [4, 5, 6, 7], [8], [9]], parts.Sequences.Select(s => s.Ids));
    }

    [Fact]
    public void A_text_that_is_cut_keeps_the_token_behind_it()
    {
        File.WriteAllLines(_folder["vocab.txt"], ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"]);
        string path = Write("a b c b a");
        TokenText text = TokenText.Read(new InputText { TextPath = path }, Source, s_encoder, null, default);
        Assert.Equal([2, 5, 6, 3], Assert.Single(text.Sequences).Ids);
    }

    [Fact]
    public void Batches_hold_every_sequence_once_and_mark_what_is_fill()
    {
        TokenSequence[] sequences = [.. new[] { 3, 1, 4, 1, 5, 2 }.Select((length, i) => new TokenSequence(i, [.. Enumerable.Range(10 * i, length)]))];
        List<int> seen = [];
        foreach ((int[] places, TokenBatch batch) in TokenBatches.Sorted(sequences, 4))
        {
            seen.AddRange(places);
            for (int i = 0; i < places.Length; i++)
            {
                IEnumerable<int> own = Enumerable.Range(i * batch.Length, batch.Length).Where(t => batch.Mask?[t] != false);
                Assert.Equal(sequences[places[i]].Ids, own.Select(t => batch.Ids[t]));
            }
        }
        Assert.Equal([0, 1, 2, 3, 4, 5], seen.Order());
        TokenBatch two = TokenBatches.Of([new TokenSequence(1, [7, 8, 9]), new TokenSequence(2, [4])]);
        Assert.Equal([8, 9, -1, -1, -1, -1], TokenBatches.NextTokens(two));
    }

    [Theory]
    [InlineData("1 2 x", CoreErrors.TextInvalid)]
    [InlineData("1 -2", CoreErrors.TextInvalid)]
    [InlineData("1 99999999999", CoreErrors.TextInvalid)]
    [InlineData("\n\n", CoreErrors.TextInvalid)]
    [InlineData("1 12", CoreErrors.InputInvalid)]
    public void What_is_no_sequence_of_the_networks_tokens_is_refused(string text, string id)
    {
        string path = Write(text);
        Assert.Equal(id, Assert.Throws<LowRankToolsException>(() => Read(path, s_encoder)).ErrorId);
    }

    [Fact]
    public void Bytes_that_are_no_UTF_8_are_refused_and_so_is_a_network_that_reads_no_text()
    {
        File.WriteAllBytes(_folder["bad.txt"], [0x31, 0x0A, 0xFF, 0xFE]);
        Assert.Equal(CoreErrors.TextInvalid, Assert.Throws<LowRankToolsException>(() => Read(_folder["bad.txt"], s_encoder)).ErrorId);
        VitConfig images = new() { ImageSize = 16, PatchSize = 8, Width = 8, Depth = 1, Heads = 2, Hidden = 8 };
        Assert.Equal(CoreErrors.ArchitectureUnsupported, Assert.Throws<LowRankToolsException>(() => Read(Write("1"), images)).ErrorId);
        Assert.Equal(CoreErrors.PathNotFound, Assert.Throws<LowRankToolsException>(() => Read(_folder["none"], s_encoder)).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.Throws<LowRankToolsException>(() => new InputText().Validate()).ErrorId);
    }

    private ModelSource Source => new(_folder["model.safetensors"], "model");

    private string Write(string text)
    {
        File.WriteAllText(_folder["tokens.txt"], text);
        return _folder["tokens.txt"];
    }

    private TokenText Read(string path, TransformerConfig config) => TokenText.Read(new InputText { TokenPath = path }, Source, config, null, default);
}
