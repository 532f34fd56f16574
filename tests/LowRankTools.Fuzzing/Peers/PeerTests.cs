using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Fuzzing.Inputs;
using Xunit.Abstractions;

namespace LowRankTools.Fuzzing.Peers;

/// <summary>Damaged files that both this library and another accept hold the same tensors for both.</summary>
public sealed class PeerTests(ITestOutputHelper output)
{
    private const int Files = 600;

    [PythonFact("torch")]
    public void PyTorch_sees_the_same_tensors_in_damaged_archives() => Agree(FileKind.Archive, TorchScript);

    [PythonFact("torch")]
    public void PyTorch_sees_the_same_tensors_in_damaged_old_files() => Agree(FileKind.Pickle, TorchScript);

    [PythonFact("onnx")]
    public void Onnx_sees_the_same_tensors_in_damaged_models() => Agree(FileKind.Onnx, OnnxScript);

    private void Agree(FileKind kind, string script)
    {
        using PeerFolder folder = new(kind, Files, seed: 1);
        (int both, List<string> differences) = folder.Compare(script);
        output.WriteLine($"{both} of {Files} accepted by both.");
        Assert.True(differences.Count == 0, string.Join(Environment.NewLine, differences));
        Assert.InRange(both, Files / 20, Files);
    }

    /// <summary>The reader that runs no code: it knows plain containers and tensors only, which is what the files hold.</summary>
    private const string TorchScript =
        """
        import sys, os, json, torch
        def shapes(o, found):
            if torch.is_tensor(o): found.append(list(o.shape))
            elif isinstance(o, dict):
                for v in o.values(): shapes(v, found)
            elif isinstance(o, (list, tuple)):
                for v in o: shapes(v, found)
            return found
        out = {}
        for name in os.listdir(sys.argv[1]):
            try: out[name] = shapes(torch.load(os.path.join(sys.argv[1], name, 'model.pt'), weights_only=True), [])
            except Exception: out[name] = None
        print(json.dumps(out))
        """;

    /// <summary>Protobuf's own parser, and the graph walked as onnx.proto describes it.</summary>
    private const string OnnxScript =
        """
        import sys, os, json, onnx
        # Texts are counted and not listed here; a part of a sparse tensor that is absent is no tensor of no dimensions.
        def tensor(t, found):
            if t.data_type != 8: found.append(list(t.dims))
        def sparse(s, found):
            if s.HasField('values'): tensor(s.values, found)
            if s.HasField('indices'): tensor(s.indices, found)
        def node(n, found):
            for a in n.attribute:
                for g in ([a.g] if a.HasField('g') else []) + list(a.graphs): graph(g, found)
                if n.op_type != 'Constant': continue
                if a.name == 'value' and a.HasField('t'): tensor(a.t, found)
                if a.name == 'value_floats': found.append([len(a.floats)])
                if a.name == 'value_ints': found.append([len(a.ints)])
                if a.name in ('value_float', 'value_int') and a.HasField(a.name[6]): found.append([])
                if a.name == 'sparse_value' and a.HasField('sparse_tensor'): sparse(a.sparse_tensor, found)
        def graph(g, found):
            for t in g.initializer: tensor(t, found)
            for s in g.sparse_initializer: sparse(s, found)
            for n in g.node: node(n, found)
        out = {}
        for name in os.listdir(sys.argv[1]):
            try:
                found, model = [], onnx.load(os.path.join(sys.argv[1], name, 'model.onnx'), load_external_data=False)
                graph(model.graph, found)
                for f in model.functions:
                    for n in f.node: node(n, found)
                out[name] = found
            except Exception: out[name] = None
        print(json.dumps(out))
        """;
}
