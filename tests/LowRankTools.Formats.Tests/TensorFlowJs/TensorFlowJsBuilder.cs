using System.Text;
using System.Text.Json.Nodes;

namespace LowRankTools.Formats.Tests.TensorFlowJs;

/// <summary>Builds model.json files and their shards.</summary>
internal static class TensorFlowJsBuilder
{
    public static byte[] Json(JsonNode? topology, params JsonNode[] weights) => Json(topology, ["s1"], weights);

    public static byte[] Json(JsonNode? topology, string[] paths, params JsonNode[] weights) => Encoding.UTF8.GetBytes(new JsonObject
    {
        ["format"] = "graph-model",
        ["modelTopology"] = topology,
        ["weightsManifest"] = new JsonArray(Group(paths, weights)),
    }.ToJsonString());

    public static JsonObject Group(string[] paths, params JsonNode[] weights) => new()
    {
        ["paths"] = new JsonArray([.. paths.Select(p => JsonValue.Create(p))]),
        ["weights"] = new JsonArray(weights),
    };

    public static JsonObject Weight(string name, string dtype, params long[] shape) => new()
    {
        ["name"] = name,
        ["dtype"] = dtype,
        ["shape"] = new JsonArray([.. shape.Select(s => JsonValue.Create(s))]),
    };

    public static JsonObject Quantized(this JsonObject weight, string dtype, double scale, double min)
    {
        weight["quantization"] = new JsonObject { ["dtype"] = dtype, ["scale"] = scale, ["min"] = min };
        return weight;
    }

    public static JsonObject Graph(params JsonNode[] nodes) => new() { ["node"] = new JsonArray(nodes) };

    public static JsonObject Node(string name, string op, params string[] inputs) => new()
    {
        ["name"] = name,
        ["op"] = op,
        ["input"] = new JsonArray([.. inputs.Select(i => JsonValue.Create(i))]),
    };

    public static JsonObject Flag(this JsonObject node, string name)
    {
        node["attr"] = new JsonObject { [name] = new JsonObject { ["b"] = true } };
        return node;
    }

    /// <summary>A Keras model of layers, by class and name.</summary>
    public static JsonObject Layers(params (string Class, string Name)[] layers) => new()
    {
        ["model_config"] = new JsonObject
        {
            ["class_name"] = "Sequential",
            ["config"] = new JsonObject
            {
                ["layers"] = new JsonArray([.. layers.Select(l => new JsonObject
                {
                    ["class_name"] = l.Class,
                    ["config"] = new JsonObject { ["name"] = l.Name },
                })]),
            },
        },
    };
}
