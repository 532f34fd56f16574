using System.Security.Cryptography;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Lists a model with the reference library and with this one, and compares names, shapes, types and every value.</summary>
internal static class OnnxAgreement
{
    /// <summary>
    /// One line a tensor: name, element type number, shape, hash of its values. Initializers and Constant nodes of all graphs;
    /// names that several graphs use get the way to their graph in front.
    /// </summary>
    private const string Script = """
        import sys, os, hashlib, collections, onnx
        from onnx import numpy_helper
        path = sys.argv[1]
        found = []
        def walk(graph, prefix):
            for t in graph.initializer:
                found.append((prefix, t.name, t))
            for i, n in enumerate(graph.node):
                if n.op_type == 'Constant':
                    for a in n.attribute:
                        if a.name == 'value':
                            found.append((prefix, n.output[0], a.t))
                label = n.name or '%s_%d' % (n.op_type, i)
                for a in n.attribute:
                    if a.type == onnx.AttributeProto.GRAPH:
                        walk(a.g, prefix + label + '/' + a.name + '/')
        walk(onnx.load(path).graph, '')
        uses = collections.Counter(name for _, name, _ in found)
        for prefix, name, t in found:
            values = numpy_helper.to_array(t)
            if t.data_type == onnx.TensorProto.BFLOAT16:
                values = (values.view('uint32') >> 16).astype('uint16')
            digest = hashlib.sha256(values.tobytes()).hexdigest()
            print('\t'.join([name if uses[name] == 1 else prefix + name, str(t.data_type), ','.join(map(str, t.dims)), digest]))
        """;

    private static readonly Dictionary<TensorDType, int> s_types = new()
    {
        [TensorDType.F32] = 1,
        [TensorDType.U8] = 2,
        [TensorDType.I8] = 3,
        [TensorDType.U16] = 4,
        [TensorDType.I16] = 5,
        [TensorDType.I32] = 6,
        [TensorDType.I64] = 7,
        [TensorDType.BOOL] = 9,
        [TensorDType.F16] = 10,
        [TensorDType.F64] = 11,
        [TensorDType.U32] = 12,
        [TensorDType.U64] = 13,
        [TensorDType.C64] = 14,
        [TensorDType.C128] = 15,
        [TensorDType.BF16] = 16,
    };

    /// <summary>Asserts that both see the same tensors; returns how many.</summary>
    public static int Check(string path)
    {
        string[] expected = PythonPeer.Run(Script, path).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        using TensorFile file = TensorFiles.Open(path);
        string[] found = [.. file.Tensors.Select(t => Line(file, t))];
        Assert.Equal(expected.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));
        return found.Length;
    }

    private static string Line(TensorFile file, TensorInfo tensor)
    {
        byte[] bytes = new byte[tensor.ByteLength];
        file.ReadBytes(tensor, 0, bytes);
        return string.Join('\t', tensor.Name, s_types[tensor.DType], string.Join(',', tensor.Shape), Convert.ToHexStringLower(SHA256.HashData(bytes)));
    }
}
