using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Gguf;

/// <summary>
/// What a tensor is for, by the names that GGUF gives to the parts of language models
/// (<c>blk.3.attn_q.weight</c>). Models that keep other names in a GGUF file are not guessed at.
/// </summary>
internal static class GgufRoles
{
    /// <summary>The role that name and number of dimensions speak of.</summary>
    public static TensorRole Find(string name, int dimensions)
    {
        int dot = name.LastIndexOf('.');
        ReadOnlySpan<char> kind = name.AsSpan(dot + 1);
        ReadOnlySpan<char> owner = dot < 0 ? [] : name.AsSpan(0, dot);
        ReadOnlySpan<char> part = owner[(owner.LastIndexOf('.') + 1)..];
        if (kind is not ("weight" or "bias"))
            return TensorRole.Unknown;
        if (part.EndsWith("_norm", StringComparison.Ordinal) || part.Contains("_norm_", StringComparison.Ordinal))
            return TensorRole.Normalization;
        if (part.StartsWith("rope_freqs", StringComparison.Ordinal) || part.StartsWith("rope_factors", StringComparison.Ordinal))
            return TensorRole.Buffer;
        if (kind is "bias")
            return TensorRole.Bias;
        if (dimensions != 2)
            return TensorRole.Unknown;
        if (part is "token_embd" or "position_embd" or "token_types")
            return TensorRole.Embedding;
        return IsLinear(owner, part) ? TensorRole.LinearWeight : TensorRole.Unknown;
    }

    private static bool IsLinear(ReadOnlySpan<char> owner, ReadOnlySpan<char> part) =>
        owner is "output" or "cls" or "cls.output"
        || part.StartsWith("attn_", StringComparison.Ordinal)
        || part.StartsWith("ffn_", StringComparison.Ordinal)
        || part is "ssm_in" or "ssm_out" or "ssm_x" or "ssm_dt";
}
