using LowRankTools.Core.Text;
using LowRankTools.Formats.Tokens;

namespace LowRankTools.Core.Tokens;

/// <summary>Takes the accents off a text before it is tokenized, as BERT does where it lowers capitals: form D without marks.</summary>
/// <param name="tokenizer">Tokenizes what is left.</param>
internal sealed class UnaccentedTokenizer(ITokenizer tokenizer) : ITokenizer
{
    /// <inheritdoc/>
    public int[] Encode(string text) => tokenizer.Encode(NormalForm.WithoutMarks(text));
}
