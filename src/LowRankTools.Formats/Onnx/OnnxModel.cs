using System.Globalization;
using LowRankTools.Formats.IO;

namespace LowRankTools.Formats.Onnx;

/// <summary>A <c>ModelProto</c>: graphs, functions and free text, values unread.</summary>
internal sealed class OnnxModel
{
    private OnnxModel(OnnxGraph graph) => Graph = graph;

    public OnnxGraph Graph { get; }

    public List<(string Domain, string Name, OnnxGraph Body)> Functions { get; } = [];

    public Dictionary<string, string> Metadata { get; private init; } = [];

    /// <summary>Reads a model.</summary>
    /// <exception cref="ModelFormatException">The file is no ONNX model, or is damaged.</exception>
    public static OnnxModel Read(ModelFileHandle file)
    {
        ProtobufReader reader = new(file);
        OnnxGraphReader graphs = new(reader);
        Dictionary<string, string> metadata = new(StringComparer.Ordinal);
        List<(string, string)> properties = [];
        List<string> opsets = [];
        List<MessageSpan> functions = [];
        MessageSpan? graph = null;
        MessageSpan all = reader.WholeFile;
        while (reader.TryReadTag(all.End, out int field, out WireType type))
        {
            switch (field)
            {
                case OnnxFields.ModelIrVersion:
                    metadata["ir_version"] = reader.ReadInt64(all.End, type).ToString(CultureInfo.InvariantCulture);
                    break;
                case OnnxFields.ModelVersion:
                    metadata["model_version"] = reader.ReadInt64(all.End, type).ToString(CultureInfo.InvariantCulture);
                    break;
                case OnnxFields.ModelProducerName:
                    metadata["producer_name"] = reader.ReadText(all.End, type);
                    break;
                case OnnxFields.ModelProducerVersion:
                    metadata["producer_version"] = reader.ReadText(all.End, type);
                    break;
                case OnnxFields.ModelDomain:
                    metadata["domain"] = reader.ReadText(all.End, type);
                    break;
                case OnnxFields.ModelOpsetImport:
                    opsets.Add(ReadOpset(reader, reader.ReadSpan(all.End, type)));
                    break;
                case OnnxFields.ModelMetadata:
                    properties.Add(OnnxTensorReader.ReadEntry(reader, reader.ReadSpan(all.End, type), OnnxLimits.MetadataBytes));
                    break;
                case OnnxFields.ModelGraph:
                    graph = reader.ReadSingle(graph, all.End, type, "the graph");
                    break;
                case OnnxFields.ModelFunctions:
                    reader.CountItem();
                    functions.Add(reader.ReadSpan(all.End, type));
                    break;
                default:
                    reader.Skip(all.End, type);
                    break;
            }
        }
        if (graph is null)
            throw reader.Invalid("there is no graph in it");
        metadata["opset_import"] = string.Join(", ", opsets);
        // What the model's author wrote never hides what the file says of itself.
        foreach ((string key, string value) in properties)
            metadata.TryAdd(key, value);
        OnnxModel model = new(graphs.ReadGraph(graph.Value)) { Metadata = metadata };
        foreach (MessageSpan function in functions)
            model.Functions.Add(graphs.ReadFunction(function));
        return model;
    }

    private static string ReadOpset(ProtobufReader reader, MessageSpan span)
    {
        string domain = "";
        long version = 0;
        reader.CountItem();
        reader.Position = span.Start;
        while (reader.TryReadTag(span.End, out int field, out WireType type))
        {
            if (field == OnnxFields.OpsetDomain)
                domain = reader.ReadText(span.End, type);
            else if (field == OnnxFields.OpsetVersion)
                version = reader.ReadInt64(span.End, type);
            else
                reader.Skip(span.End, type);
        }
        return $"{(domain.Length == 0 ? "ai.onnx" : domain)}:{version.ToString(CultureInfo.InvariantCulture)}";
    }
}
