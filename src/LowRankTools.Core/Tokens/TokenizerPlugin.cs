using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using LowRankTools.Core.Engines;
using LowRankTools.Formats.Tokens;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Tokens;

/// <summary>The library that tokenizes, in an assembly of its own: loaded once and only when a text is to be tokenized by it.</summary>
internal static class TokenizerPlugin
{
    private const string Assembly = "LowRankTools.Tokenizers";

    private static readonly Lazy<ITokenizerFactory> s_factory = new(Load);

    /// <summary>A tokenizer of a definition.</summary>
    /// <param name="definition">What the model's files say.</param>
    /// <param name="file">The file that it was read from, for errors.</param>
    /// <exception cref="LowRankToolsException"><c>TokenizerUnavailable</c>, <c>TokenizerInvalid</c>.</exception>
    public static ITokenizer Create(TokenizerDefinition definition, string file)
    {
        ITokenizerFactory factory = s_factory.Value;
        try
        {
            return factory.Create(definition);
        }
        catch (ArgumentException e)
        {
            throw new LowRankToolsException(CoreErrors.TokenizerInvalid, $"{file}: the tokenizer is refused: {e.Message}", "Give token ids in a token file.", e);
        }
    }

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Reached only where assemblies can be loaded, and programs that can are not trimmed.")]
    [UnconditionalSuppressMessage("Trimming", "IL2072", Justification = "As above.")]
    private static ITokenizerFactory Load()
    {
        string folder = Path.Combine(ProductFolder.Path, "tokenizers"), file = Path.Combine(folder, Assembly + ".dll");
        if (!RuntimeFeature.IsDynamicCodeSupported)
            throw Unavailable("a native program loads no library for it");
        if (!File.Exists(file))
            throw Unavailable($"'{file}' is missing");
        Type factory = new TokenizerLoadContext(folder).LoadFromAssemblyPath(file).GetExportedTypes().Single(typeof(ITokenizerFactory).IsAssignableFrom);
        return (ITokenizerFactory)Activator.CreateInstance(factory)!;
    }

    private static LowRankToolsException Unavailable(string reason) =>
        new(CoreErrors.TokenizerUnavailable, $"Text cannot be tokenized here: {reason}.", "Use the module or the console program as a .NET tool, or give token ids in a token file.");
}
