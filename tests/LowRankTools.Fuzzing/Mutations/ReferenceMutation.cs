using LowRankTools.Fuzzing.Inputs;

namespace LowRankTools.Fuzzing.Mutations;

/// <summary>Damages what one file of a model says of another: names that lead out, links, files that are gone or exchanged.</summary>
internal static class ReferenceMutation
{
    private static readonly string[] s_targets =
    [
        "nowhere", "/etc/hostname", "/dev/null", "/", ".", "..", "../elsewhere", "/proc/self/maps", "s1", "s2", "model.safetensors.index.json", "model.onnx", "model.json",
    ];

    /// <summary>Changes one reference of a model that consists of several parts.</summary>
    public static void Apply(Random random, ModelPart[] parts, List<FuzzLink> links, List<string> steps)
    {
        int at = 1 + random.Next(parts.Length - 1);
        ModelPart part = parts[at];
        switch (random.Next(5))
        {
            case 0:
                string name = random.Pick(Choices.Names);
                steps.Add($"reference to {part.Name} made '{name}'");
                parts[0] = parts[0] with { Bytes = Rename(parts[0], part.Name, name) };
                break;
            case 1:
                string target = random.Pick(s_targets);
                steps.Add($"{part.Name} made a link to {target}");
                links.Add(new FuzzLink(part.Name, target));
                break;
            case 2:
                steps.Add($"{part.Name} made a link to itself");
                links.Add(new FuzzLink(part.Name, part.Name));
                break;
            case 3:
                int other = random.Next(parts.Length);
                steps.Add($"{part.Name} given the bytes of {parts[other].Name}");
                parts[at] = part with { Bytes = parts[other].Bytes };
                break;
            default:
                steps.Add($"{part.Name} empty");
                parts[at] = part with { Bytes = [] };
                break;
        }
    }

    private static byte[] Rename(ModelPart entry, string was, string now) => entry.Kind switch
    {
        FileKind.Onnx => ProtobufMutation.ReplaceText(entry.Bytes, was, now),
        FileKind.Json => JsonMutation.ReplaceText(entry.Bytes, was, now),
        // It names nothing: what lies beside it is found by its own name.
        _ => entry.Bytes,
    };
}
