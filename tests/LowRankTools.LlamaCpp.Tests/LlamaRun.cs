using System.Text;
using LLama;
using LLama.Common;
using LLama.Native;

namespace LowRankTools.LlamaCpp.Tests;

/// <summary>Runs a GGUF model in llama.cpp, with an adapter or without.</summary>
internal static class LlamaRun
{
    private static readonly StringBuilder s_log = new();

    // What llama.cpp has against a file it says in its log alone.
    static LlamaRun() => NativeLogConfig.llama_log_set((level, text) =>
    {
        if (level is LLamaLogLevel.Error)
            s_log.Append(text);
    });

    /// <summary>What llama.cpp called an error so far.</summary>
    public static string Errors => s_log.ToString();

    /// <summary>Logits after every token.</summary>
    /// <param name="path">The model.</param>
    /// <param name="tokens">What it reads.</param>
    /// <param name="adapter">A LoRA adapter in GGUF; null for none.</param>
    public static double[][] Logits(string path, int[] tokens, string? adapter = null)
    {
        // Keys and values in float32, and attention as the formula has it: the defaults round to half, more than what is compared here.
        ModelParams parameters = new(path) { ContextSize = 64, BatchSize = 64, GpuLayerCount = 0, FlashAttention = false, Threads = 1, BatchThreads = 1, TypeK = GGMLType.GGML_TYPE_F32, TypeV = GGMLType.GGML_TYPE_F32 };
        using LLamaWeights weights = LLamaWeights.LoadFromFile(parameters);
        using LLamaContext context = weights.CreateContext(parameters);
        if (adapter is not null)
            context.NativeHandle.SetLoraAdapters([(weights.NativeHandle.LoadLoraFromFile(adapter), 1f)]);
        LLamaBatch batch = new();
        for (int i = 0; i < tokens.Length; i++)
            batch.Add(tokens[i], i, (LLamaSeqId)0, logits: true);
        Assert.Equal(DecodeResult.Ok, context.Decode(batch));
        return [.. Enumerable.Range(0, tokens.Length).Select(i => context.NativeHandle.GetLogitsIth(i).ToArray().Select(v => (double)v).ToArray())];
    }
}
