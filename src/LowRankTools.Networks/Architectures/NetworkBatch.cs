using LowRankTools.Numerics;
using LowRankTools.Numerics.RandomNumbers;

namespace LowRankTools.Networks.Architectures;

/// <summary>What a network is run on: token ids, a source and a target, or images.</summary>
public abstract class NetworkBatch
{
    /// <summary>Tokens that pass through the network's layers, both sides of a pair counted, patches counted as tokens.</summary>
    public abstract int TokenCount { get; }

    /// <summary>A made-up input that a network reads: the same seed gives the same.</summary>
    /// <param name="config">The network's shape.</param>
    /// <param name="sequences">Sequences, pairs of sequences or images.</param>
    /// <param name="length">Tokens of a sequence; images have their own size.</param>
    /// <param name="seed">Chooses tokens and pixels.</param>
    /// <exception cref="LowRankToolsException"><c>InputInvalid</c>: more tokens than the network has positions.</exception>
    public static NetworkBatch MadeUp(TransformerConfig config, int sequences, int length, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequences, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        DeterministicRandom random = new(seed);
        return config switch
        {
            VitConfig vit => ImageBatch.MadeUp(vit, sequences, random),
            EncoderDecoderConfig both => new PairBatch(Tokens(both.Encoder.Tokens), Tokens(both.Decoder.Tokens)),
            _ => Tokens(config.TokenCount),
        };

        TokenBatch Tokens(int count)
        {
            int[] ids = new int[checked(sequences * length)];
            for (int i = 0; i < ids.Length; i++)
                ids[i] = (int)(random.NextDouble() * count);
            return new TokenBatch(ids, sequences);
        }
    }
}

/// <summary>Source sequences, and as many target sequences.</summary>
public sealed class PairBatch : NetworkBatch
{
    /// <summary>Creates a batch.</summary>
    /// <exception cref="LowRankToolsException"><c>InputInvalid</c>: the numbers of sequences differ.</exception>
    public PairBatch(TokenBatch source, TokenBatch target)
    {
        if (source.Sequences != target.Sequences)
            throw new LowRankToolsException(NetworkConfigErrors.InputInvalid, $"There are {source.Sequences} sources and {target.Sequences} targets.");
        (Source, Target) = (source, target);
    }

    /// <summary>What the encoder reads.</summary>
    public TokenBatch Source { get; }

    /// <summary>What the decoder reads.</summary>
    public TokenBatch Target { get; }

    /// <inheritdoc/>
    public override int TokenCount => Source.TokenCount + Target.TokenCount;
}
