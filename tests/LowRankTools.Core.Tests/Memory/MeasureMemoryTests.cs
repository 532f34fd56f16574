using System.Text.Json;
using LowRankTools.Core.Architectures;
using LowRankTools.Core.Counting;
using LowRankTools.Core.Memory;
using LowRankTools.Core.Models;
using LowRankTools.Formats.Remote;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Gguf;
using LowRankTools.Networks.Architectures;
using LowRankTools.Numerics;
using LowRankTools.Tests;

namespace LowRankTools.Core.Tests.Memory;

public sealed class MeasureMemoryTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>A model of one small weight, with a configuration beside it.</summary>
    private ModelSource Model(object config)
    {
        string path = TestModel.Write(_folder["net/model.safetensors"], TestModel.Random("fc.weight", 1, 8, 64));
        File.WriteAllText(_folder["net/config.json"], JsonSerializer.Serialize(config));
        return new ModelSource(path, "net");
    }

    private ModelMemory Memory(object config, int context = 100, TensorDType cache = TensorDType.F16, int batch = 1) =>
        Assert.Single(MeasureMemory.Run(Model(config), new MemoryOptions { ContextLengths = [context], CacheDType = cache, BatchSize = batch }));

    [Fact]
    public void The_cache_of_a_token_is_as_long_as_the_outputs_of_keys_and_values()
    {
        ModelSource source = new ModelFolder(TransformerPresets.Get("llama-tiny")).Write(_folder["llama"]);
        using Model model = LowRankTools.Core.Models.Model.Open(source);
        long outputs = model.Layers.Where(l => l.Shape.Name.EndsWith("k_proj.weight", StringComparison.Ordinal) || l.Shape.Name.EndsWith("v_proj.weight", StringComparison.Ordinal)).Sum(l => l.Shape.OutFeatures!.Value);
        ModelMemory memory = MeasureMemory.Run(source, new MemoryOptions { CacheDType = TensorDType.F32 })[0];
        Assert.NotEqual(0, outputs);
        Assert.Equal(4 * outputs, memory.CacheBytesPerToken);
        Assert.Equal(memory.CacheBytesPerToken * memory.ContextLength, memory.CacheBytes);
        Assert.Equal(CountParameters.Run(source).RunBytes, memory.WeightBytes);
        Assert.Equal(memory.WeightBytes + memory.CacheBytes, memory.TotalBytes);
    }

    [Fact]
    public void Published_figures_come_out()
    {
        // Llama 2 70B: 80 layers, 8 heads of 128, two bytes: 320 KiB a token, 10 GiB for 32,768 tokens.
        ModelMemory memory = Memory(new { model_type = "llama", num_hidden_layers = 80, num_attention_heads = 64, num_key_value_heads = 8, hidden_size = 8192 }, 32768);
        Assert.Equal((320L << 10, 10L << 30), (memory.CacheBytesPerToken, memory.CacheBytes));
        // DeepSeek-V3: 61 layers of 512 + 64 numbers.
        Assert.Equal(2L * 61 * 576, Memory(new { model_type = "deepseek_v3", num_hidden_layers = 61, num_attention_heads = 128, kv_lora_rank = 512, qk_rope_head_dim = 64 }).CacheBytesPerToken);
    }

    [Theory]
    [InlineData(TensorDType.F32, 128, 32), InlineData(TensorDType.F16, 64, 32), InlineData(TensorDType.F8_E4M3, 32, 32), InlineData(TensorDType.Q8_0, 34, 32), InlineData(TensorDType.Q4_0, 18, 32)]
    public void A_cache_is_as_large_as_its_type_says(TensorDType dtype, int bytes, int elements)
    {
        ModelMemory memory = Memory(new { num_hidden_layers = 2, num_attention_heads = 4, head_dim = 32, hidden_size = 999 }, 10, dtype, batch: 3);
        Assert.Equal(2L * 2 * 4 * 32 * bytes / elements, memory.CacheBytesPerToken);
        Assert.Equal(memory.CacheBytesPerToken * 30, memory.CacheBytes);
    }

    [Theory]
    [InlineData("""{"model_type":"gpt2","n_layer":2,"n_head":4,"n_embd":64}""", 2 * 4 * 32)]
    [InlineData("""{"model_type":"falcon","num_hidden_layers":2,"num_attention_heads":4,"hidden_size":64,"multi_query":true}""", 2 * 1 * 32)]
    [InlineData("""{"model_type":"falcon","num_hidden_layers":2,"num_attention_heads":4,"hidden_size":64,"multi_query":true,"new_decoder_architecture":true,"num_kv_heads":2}""", 2 * 2 * 32)]
    [InlineData("""{"model_type":"bert","num_hidden_layers":2,"num_attention_heads":4,"hidden_size":64}""", 0)]
    [InlineData("""{"model_type":"llava","text_config":{"model_type":"llama","num_hidden_layers":2,"num_attention_heads":4,"hidden_size":64}}""", 2 * 4 * 32)]
    public void Every_way_to_say_it_is_understood(string config, int elements) =>
        Assert.Equal(2 * elements, Memory(JsonDocument.Parse(config).RootElement).CacheBytesPerToken);

    [Theory]
    [InlineData("\"sliding_window\":16", 0, 4)]
    [InlineData("\"sliding_window\":16,\"use_sliding_window\":false", 4, 0)]
    [InlineData("\"sliding_window\":null", 4, 0)]
    [InlineData("\"sliding_window\":16,\"sliding_window_pattern\":4", 1, 3)]
    [InlineData("\"sliding_window\":16,\"max_window_layers\":3", 3, 1)]
    [InlineData("\"sliding_window\":16,\"layer_types\":[\"full_attention\",\"sliding_attention\",\"sliding_attention\",\"full_attention\"]", 2, 2)]
    [InlineData("\"layer_types\":[\"full_attention\",\"linear_attention\",\"linear_attention\",\"linear_attention\"]", 1, 0)]
    public void A_window_bounds_the_layers_that_have_it(string fields, int full, int windowed)
    {
        JsonElement config = JsonDocument.Parse($"{{\"model_type\":\"x\",\"num_hidden_layers\":4,\"num_attention_heads\":2,\"head_dim\":8,{fields}}}").RootElement;
        const int token = 2 * 2 * 8 * 2;
        Assert.Equal(token * (full * 100 + windowed * 16), Memory(config).CacheBytes);
        Assert.Equal(token * (full + windowed) * 16, Memory(config, 16).CacheBytes);
    }

    [Fact]
    public void Weights_are_as_large_as_their_types_say()
    {
        // fc.weight: 8 rows of 64 numbers, all in whole blocks.
        IReadOnlyDictionary<string, long> bytes = Memory(new { num_hidden_layers = 1, num_attention_heads = 1, hidden_size = 64 }).WeightBytesByType;
        Assert.Equal([2048, 2048, 1024, 512, 8 * 2 * 34, 8 * 2 * 18], new[] { "as stored", "F32", "BF16", "F8_E4M3", "Q8_0", "Q4_0" }.Select(t => bytes[t]));
    }

    [Theory]
    [InlineData("""{"model_type":"mamba","num_hidden_layers":2}""", CoreErrors.ArchitectureUnsupported)]
    [InlineData("""{"model_type":"t5","is_encoder_decoder":true}""", CoreErrors.ArchitectureUnsupported)]
    [InlineData("""{"num_attention_heads":4,"hidden_size":64}""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"num_hidden_layers":-1,"num_attention_heads":4,"hidden_size":64}""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"num_hidden_layers":2147483647,"num_attention_heads":4,"hidden_size":64}""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"num_hidden_layers":2,"num_attention_heads":4,"hidden_size":2}""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"num_hidden_layers":2,"num_attention_heads":"4","hidden_size":64}""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"num_hidden_layers":2,"num_attention_heads":4,"hidden_size":64,"sliding_window":0}""", CoreErrors.ConfigInvalid)]
    [InlineData("""{"num_hidden_layers":2,"num_attention_heads":4,"hidden_size":64,"sliding_window":8,"layer_types":[1]}""", CoreErrors.ConfigInvalid)]
    [InlineData("[]", CoreErrors.ConfigInvalid)]
    public void What_cannot_be_told_is_an_error(string config, string errorId) =>
        Assert.Equal(errorId, Assert.ThrowsAny<LowRankToolsException>(() => Memory(JsonDocument.Parse(config).RootElement)).ErrorId);

    [Fact]
    public void Without_a_configuration_or_a_length_nothing_is_guessed()
    {
        ModelSource bare = new(TestModel.Write(_folder["bare/model.safetensors"], TestModel.Random("fc.weight", 1, 8, 6)), "bare");
        Assert.Equal(CoreErrors.ConfigNotFound, Assert.ThrowsAny<LowRankToolsException>(() => MeasureMemory.Run(bare, new MemoryOptions())).ErrorId);
        ModelSource endless = Model(new { num_hidden_layers = 2, num_attention_heads = 4, hidden_size = 64 });
        Assert.Equal(CoreErrors.OptionInvalid, Assert.ThrowsAny<LowRankToolsException>(() => MeasureMemory.Run(endless, new MemoryOptions())).ErrorId);
        Assert.Equal(CoreErrors.OptionInvalid, Assert.ThrowsAny<LowRankToolsException>(() => MeasureMemory.Run(endless, new MemoryOptions { ContextLengths = [0] })).ErrorId);
    }

    [Fact]
    public void A_model_on_a_server_is_estimated_from_its_header_and_configuration()
    {
        using FileServer server = new();
        ModelSource local = Model(new { model_type = "llama", num_hidden_layers = 2, num_attention_heads = 4, hidden_size = 64, max_position_embeddings = 32 });
        ModelSource remote = new(server.Serve("/net/model.safetensors?x=1", File.ReadAllBytes(local.Path)), "net");
        RemoteOptions options = new() { Token = "" };
        Assert.Equal(CoreErrors.ConfigNotFound, Assert.ThrowsAny<LowRankToolsException>(() => MeasureMemory.Run(remote, new MemoryOptions(), options)).ErrorId);
        server.Serve("/net/config.json", File.ReadAllBytes(_folder["net/config.json"]));
        long before = server.BodyBytes;
        ModelMemory here = MeasureMemory.Run(local, new MemoryOptions())[0], there = MeasureMemory.Run(remote, new MemoryOptions(), options)[0];
        Assert.Equal((here.TotalBytes, here.CacheBytes, 32), (there.TotalBytes, there.CacheBytes, there.ContextLength));
        Assert.Equal((null, server.BodyBytes - before), (here.TransferredBytes, there.TransferredBytes));
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void A_gguf_file_says_it_itself(bool grouped)
    {
        GgufBuilder builder = new GgufBuilder().KeyValue("general.architecture", "llama").KeyValue("llama.block_count", 2).KeyValue("llama.context_length", 64)
            .KeyValue("llama.embedding_length", 64).KeyValue("llama.attention.head_count", 4);
        if (grouped)
            builder.KeyValue("llama.attention.head_count_kv", 2);
        builder.Tensor("blk.0.attn_k.weight", [64, 32], 0, new byte[64 * 32 * 4]);
        File.WriteAllBytes(_folder["m.gguf"], builder.Build());
        ModelMemory memory = Assert.Single(MeasureMemory.Run(new ModelSource(_folder["m.gguf"], "m"), new MemoryOptions()));
        Assert.Equal(2L * 2 * (grouped ? 2 : 4) * 16 * 2, memory.CacheBytesPerToken);
        Assert.Equal(64, memory.ContextLength);
    }

    [Theory]
    [InlineData("llama.attention.head_count_kv", "[uint32 x 2]"), InlineData("llama.block_count", "many")]
    public void A_gguf_file_whose_keys_are_no_numbers_is_refused(string key, string value)
    {
        GgufBuilder builder = new GgufBuilder().KeyValue("general.architecture", "llama").KeyValue("llama.embedding_length", 64).KeyValue("llama.attention.head_count", 4).KeyValue(key, value);
        if (key != "llama.block_count")
            builder.KeyValue("llama.block_count", 2);
        builder.Tensor("blk.0.attn_k.weight", [64, 32], 0, new byte[64 * 32 * 4]);
        File.WriteAllBytes(_folder["m.gguf"], builder.Build());
        Assert.Equal(CoreErrors.ConfigInvalid, Assert.ThrowsAny<LowRankToolsException>(() => MeasureMemory.Run(new ModelSource(_folder["m.gguf"], "m"), new MemoryOptions())).ErrorId);
    }
}
