using LowRankTools.Numerics;

namespace LowRankTools.Networks.Architectures;

/// <summary>
/// What shape a network has: everything that its tensors' sizes and its arithmetic follow from. A configuration is
/// data; <see cref="Check"/> holds it to sane bounds before anything is built from it.
/// </summary>
public abstract record TransformerConfig
{
    /// <summary>Most layers of a network that is built here.</summary>
    public const int MaxDepth = 10_000;

    /// <summary>Most features, heads, image pixels a side and positions.</summary>
    public const int MaxWidth = 1 << 24;

    /// <summary>Name of the architecture, as <c>model_type</c> in a <c>config.json</c> has it.</summary>
    public abstract string ModelType { get; }

    /// <summary>What the network reads.</summary>
    public virtual NetworkInput Input => NetworkInput.Tokens;

    /// <summary>Most tokens of one sequence; null where positions are computed and not learned.</summary>
    public virtual int? MaxTokens => null;

    /// <summary>Number of different tokens; zero where the network reads none.</summary>
    public virtual int TokenCount => 0;

    /// <summary>Whether its scores are for the token that follows each token: a language model.</summary>
    public virtual bool PredictsNextToken => false;

    /// <summary>Classes of whole sequences or images that its scores are for; zero where it has no such head.</summary>
    public virtual int Classes => 0;

    /// <summary>Width of the widest activation of one token: what memory during a run is measured in.</summary>
    public abstract int WidestLayer { get; }

    /// <summary>Names of tensors that are others under a second name; whatever a file holds for them, they are not read.</summary>
    public virtual IReadOnlyList<string> TiedNames => [];

    /// <summary>Holds every size to its bounds.</summary>
    /// <exception cref="LowRankToolsException"><c>ConfigInvalid</c>.</exception>
    public abstract void Check();

    /// <summary>Fails unless <paramref name="value"/> lies between 1 and <paramref name="most"/>.</summary>
    private protected static void Size(string field, int value, int most = MaxWidth)
    {
        if (value < 1 || value > most)
            throw Invalid($"{field} is {value}; it must lie between 1 and {most}.");
    }

    /// <summary>Fails unless heads share the width evenly.</summary>
    private protected static void Divides(string parts, int count, string whole, int width)
    {
        Size(parts, count);
        if (width % count != 0)
            throw Invalid($"{parts} is {count}, which does not divide {whole} {width}.");
    }

    /// <summary>Fails unless the value is a positive, finite number.</summary>
    private protected static void Positive(string field, double value)
    {
        if (!double.IsFinite(value) || value <= 0)
            throw Invalid($"{field} is {value}; it must be a positive number.");
    }

    private protected static LowRankToolsException Invalid(string message) =>
        new(NetworkConfigErrors.ConfigInvalid, message, "Correct the configuration.");
}

/// <summary>What a network reads.</summary>
public enum NetworkInput
{
    /// <summary>One sequence of token ids.</summary>
    Tokens,

    /// <summary>A source and a target sequence of token ids.</summary>
    TokenPairs,

    /// <summary>An image, channels x height x width.</summary>
    Image,
}
