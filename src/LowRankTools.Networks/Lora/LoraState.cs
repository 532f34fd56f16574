using LowRankTools.Networks.Modules;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Networks.Lora;

/// <summary>How the tensors of an adapter are named.</summary>
public enum LoraKeys
{
    /// <summary>As the parameters: <c>X.lora_A</c>, <c>X.lora_B</c>, <c>X.bias</c>.</summary>
    Loralib,

    /// <summary>
    /// <c>base_model.model.X.lora_A.weight</c>, for embeddings <c>base_model.model.X.lora_embedding_A</c>, for lengths
    /// <c>base_model.model.X.lora_magnitude_vector</c>, and <c>base_model.model.X.base_layer.bias</c>.
    /// </summary>
    Peft,
}

/// <summary>Adapters out of networks and into them.</summary>
public static class LoraState
{
    private const string PeftPrefix = "base_model.model.";

    /// <summary>The parameters of an adapter alone, as loralib's <c>lora_state_dict</c> gives them.</summary>
    /// <param name="root">The network.</param>
    /// <param name="bias">Which biases belong to it.</param>
    /// <param name="keys">How they are named.</param>
    /// <exception cref="LowRankToolsException">NoPeftLayout: PEFT knows no layer with groups, and convolutions in another form.</exception>
    public static IReadOnlyList<NamedParameter> LoraStateDict(this Module root, LoraBias bias = LoraBias.None, LoraKeys keys = LoraKeys.Loralib) =>
        [.. Chosen(root, bias).Select(p => keys == LoraKeys.Loralib ? p.Parameter : p.Parameter with { Name = PeftName(p.Owner, p.Parameter.Name, strict: true) })];

    /// <summary>Loads an adapter under the names of loralib or PEFT. The base stays as it is; merged layers are unmerged first.</summary>
    /// <param name="root">The network, with LoRA layers of the adapter's rank.</param>
    /// <param name="engine">Where its parameters live.</param>
    /// <param name="source">The adapter's tensors.</param>
    /// <param name="strict">Whether an A or B without a tensor, or a tensor without a parameter, is an error.</param>
    /// <param name="ct">Stops loading.</param>
    /// <returns>A's and B's that no tensor was there for, and tensors that no parameter wants.</returns>
    /// <exception cref="LowRankToolsException">WeightsDoNotFit, ShapesDoNotMatch.</exception>
    public static LoadReport LoadLora(this Module root, INetworkEngine engine, IWeightSource source, bool strict = false, CancellationToken ct = default)
    {
        root.Train();
        List<(Module Owner, NamedParameter Parameter)> all = [.. Chosen(root, LoraBias.All)];
        Dictionary<string, string> names = new(StringComparer.Ordinal);
        foreach ((Module owner, NamedParameter parameter) in all)
        {
            string peft = PeftName(owner, parameter.Name, strict: false);

            // PEFT has written lengths with and without the last part.
            foreach (string name in (ReadOnlySpan<string>)[parameter.Name, peft, peft + ".weight"])
            {
                if (source.ShapeOf(name) is not null) names.TryAdd(parameter.Name, name);
            }
        }

        HashSet<string> used = [.. names.Values];
        LoadReport report = new(
            [.. all.Select(p => p.Parameter.Name).Where(name => IsLora(name) && !names.ContainsKey(name))],
            [.. source.Names.Where(name => !used.Contains(name))]);
        if (strict && report is not { Missing.Count: 0, Unexpected.Count: 0 })
        {
            throw new LowRankToolsException(
                "WeightsDoNotFit",
                $"{report.Missing.Count} matrices of LoRA layers have no tensor, {report.Unexpected.Count} tensors have no parameter.",
                "Check which layers the adapter is for, or do not load strictly.");
        }

        // The type that the network computes in.
        Parameter? loaded = root.Parameters().FirstOrDefault(p => p.IsLoaded);
        root.Load(engine, new Renamed(source, names), strict: false, loaded?.Value.ElementType ?? ElementType.Float32, ct);
        return report;
    }

    /// <summary>A's and B's, and the biases that are asked for, with the module that each is a parameter of.</summary>
    internal static IEnumerable<(Module Owner, NamedParameter Parameter)> Chosen(Module root, LoraBias bias)
    {
        foreach ((string path, Module module) in root.Modules())
        {
            foreach (NamedParameter parameter in module.OwnParameters)
            {
                bool isBias = parameter.Name.Contains("bias", StringComparison.Ordinal);
                bool chosen = IsLora(parameter.Name) || (isBias && (bias == LoraBias.All || (bias == LoraBias.LoraOnly && module is ILoraLayer)));
                if (chosen) yield return (module, parameter with { Name = path.Length == 0 ? parameter.Name : $"{path}.{parameter.Name}" });
            }
        }
    }

    private static bool IsLora(string name) => name.Contains("lora_", StringComparison.Ordinal) || name.Contains("lotr_", StringComparison.Ordinal);

    private static string PeftName(Module owner, string name, bool strict)
    {
        int dot = name.LastIndexOf('.') + 1;
        (string path, string own) = (name[..dot], name[dot..]);
        if (strict && owner is LoraMergedLinear or LoraConv2d or LotrLinear && IsLora(own))
            throw new LowRankToolsException("NoPeftLayout", $"'{name}' belongs to a layer with groups or shared factors, or to a convolution, which PEFT has in another form.", "Use loralib's names.");
        return PeftPrefix + path + owner switch
        {
            LoraEmbedding when IsLora(own) => own.Replace("lora_", "lora_embedding_", StringComparison.Ordinal),
            DoraLinear when own == "lora_magnitude_vector" => own,
            ILoraLayer when IsLora(own) => own + ".weight",
            ILoraLayer => "base_layer." + own,
            _ => own,
        };
    }

    private sealed class Renamed(IWeightSource source, Dictionary<string, string> names) : IWeightSource
    {
        public IEnumerable<string> Names => names.Keys;

        public IReadOnlyList<int>? ShapeOf(string name) => names.TryGetValue(name, out string? inner) ? source.ShapeOf(inner) : null;

        public Matrix<float> Read(string name, CancellationToken ct) => source.Read(names[name], ct);
    }
}
