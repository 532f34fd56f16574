using LowRankTools.Fuzzing.Models;
using LowRankTools.Fuzzing.Mutations;

namespace LowRankTools.Fuzzing.Inputs;

/// <summary>Turns a seed into one input: always the same one, whatever was made before it.</summary>
internal static class InputMaker
{
    private static readonly ILookup<FileKind, byte[]> s_byKind = Corpus.All
        .SelectMany(m => m.Others.Prepend(m.Entry)).ToLookup(p => p.Kind, p => p.Bytes);

    private static readonly byte[][] s_all = [.. s_byKind.SelectMany(g => g)];

    /// <summary>The input of a seed.</summary>
    public static FuzzInput Make(int seed)
    {
        Random random = new(seed);
        return Damage(Corpus.All[random.Next(Corpus.All.Count)], seed, random);
    }

    /// <summary>The input of a seed among models whose entry is of one kind.</summary>
    public static FuzzInput Make(int seed, FileKind kind)
    {
        Random random = new(seed);
        ModelFiles[] models = [.. Corpus.All.Where(m => m.Entry.Kind == kind)];
        return Damage(models[random.Next(models.Length)], seed, random);
    }

    private static FuzzInput Damage(ModelFiles model, int seed, Random random)
    {
        ModelPart[] parts = [model.Entry, .. model.Others];
        List<string> steps = [];
        List<FuzzLink> links = [];
        if (parts.Length > 1 && random.Next(4) == 0)
            ReferenceMutation.Apply(random, parts, links, steps);
        // One change finds what checks miss; several find what checks hide from each other.
        int changes = steps.Count > 0 ? random.Next(2) : 1 + (random.Next(3) == 0 ? random.Next(4) : 0);
        for (int i = 0; i < changes; i++)
        {
            int at = random.Next(3) > 0 ? 0 : random.Next(parts.Length);
            parts[at] = parts[at] with { Bytes = Change(random, parts[at], steps) };
        }
        return new FuzzInput(seed, model.Name, model.Entry.Name, model.Entry.Kind, [.. parts.Select(p => (p.Name, p.Bytes))], links, steps);
    }

    private static byte[] Change(Random random, ModelPart part, List<string> steps)
    {
        byte[] other = random.Next(16) == 0 ? random.Pick(s_all) : random.Pick(s_byKind[part.Kind].ToArray());
        Mutation mutation = random.Next(3) == 0 ? ByteMutation.Apply : MutationOf(part.Kind);
        byte[]? changed = mutation(random, part.Bytes, other, out string step);
        // What an earlier change has broken has no structure any more.
        changed ??= ByteMutation.Apply(random, part.Bytes, other, out step);
        steps.Add($"{part.Name}: {step}");
        return changed;
    }

    private static Mutation MutationOf(FileKind kind) => kind switch
    {
        FileKind.Safetensors => SafetensorsMutation.Apply,
        FileKind.Json => JsonMutation.Apply,
        FileKind.Archive => ArchiveMutation.Apply,
        FileKind.Pickle => PickleMutation.ApplyLegacy,
        FileKind.Onnx => ProtobufMutation.Apply,
        FileKind.Gguf => GgufMutation.Apply,
        _ => ByteMutation.Apply,
    };
}
