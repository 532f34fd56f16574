using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;
using LowRankTools.Formats.Tests.Safetensors;

namespace LowRankTools.Formats.Tests.Onnx;

/// <summary>Agreement with the onnx library of Python on models that it writes.</summary>
public sealed class OnnxAgreementTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [PythonFact("onnx")]
    public void Every_element_type_in_raw_and_in_typed_fields()
    {
        PythonPeer.Run("""
            import sys, numpy as np, onnx
            from onnx import helper, numpy_helper, TensorProto as T
            rng = np.random.default_rng(5)
            tensors = []
            for t in [T.FLOAT, T.UINT8, T.INT8, T.UINT16, T.INT16, T.INT32, T.INT64, T.BOOL, T.FLOAT16, T.DOUBLE, T.UINT32, T.UINT64, T.COMPLEX64, T.COMPLEX128]:
                dtype = onnx.mapping.TENSOR_TYPE_TO_NP_TYPE[t]
                for shape in [(), (7,), (3, 5), (2, 0, 3), (40, 60)]:
                    size = int(np.prod(shape))
                    v = rng.integers(0, 2**63, size, dtype=np.uint64).view(np.int64)
                    v = (v % 2).astype(dtype) if t == T.BOOL else (v >> rng.integers(0, 60, size)).astype(dtype)
                    v = v.reshape(shape)
                    key = '%d_%s' % (t, 'x'.join(map(str, shape)))
                    tensors.append(numpy_helper.from_array(v, 'raw_' + key))
                    flat = v.flatten()
                    if t == T.FLOAT16:
                        flat = flat.view(np.uint16)
                    # numpy_helper of onnx 1.12 cannot read the typed form of complex numbers back.
                    if t not in (T.COMPLEX64, T.COMPLEX128):
                        tensors.append(helper.make_tensor('typed_' + key, t, shape, flat.tolist()))
            tensors.append(helper.make_tensor('bf16', T.BFLOAT16, (4,), [1.0, -2.5, 3e38, 0.0]))
            onnx.save(helper.make_model(helper.make_graph([], 'g', [], [], tensors)), sys.argv[1])
            """, _folder["types.onnx"]);

        Assert.Equal(14 * 5 + 12 * 5 + 1, OnnxAgreement.Check(_folder["types.onnx"]));
    }

    [PythonFact("onnx")]
    public void External_data_in_one_file_and_in_many()
    {
        PythonPeer.Run("""
            import sys, numpy as np, onnx
            from onnx import helper, numpy_helper
            rng = np.random.default_rng(6)
            tensors = [numpy_helper.from_array(rng.standard_normal((50, i + 1)).astype(np.float32), 'w%d' % i) for i in range(20)]
            model = helper.make_model(helper.make_graph([], 'g', [], [], tensors))
            onnx.save(model, sys.argv[1], save_as_external_data=True, all_tensors_to_one_file=True, location='one.data', size_threshold=1000)
            model = helper.make_model(helper.make_graph([], 'g', [], [], tensors))
            for t in model.graph.initializer:
                t.raw_data = numpy_helper.to_array(tensors[int(t.name[1:])]).tobytes()
            onnx.save(model, sys.argv[2], save_as_external_data=True, all_tensors_to_one_file=False, size_threshold=0)
            """, _folder["one.onnx"], _folder["many.onnx"]);

        Assert.Equal(20, OnnxAgreement.Check(_folder["one.onnx"]));
        Assert.Equal(20, OnnxAgreement.Check(_folder["many.onnx"]));
        using TensorFile one = TensorFiles.Open(_folder["one.onnx"]);
        Assert.Equal([_folder["one.onnx"], _folder["one.data"]], one.Files);
        using TensorFile many = TensorFiles.Open(_folder["many.onnx"]);
        Assert.InRange(many.Files.Count, 2, 21);
    }

    [PythonFact("torch")]
    public void An_exported_network_has_its_parameters_and_their_orientation()
    {
        PythonPeer.Run("""
            import sys, torch
            torch.manual_seed(1)
            class Net(torch.nn.Module):
                def __init__(self):
                    super().__init__()
                    self.embed = torch.nn.Embedding(50, 12)
                    self.norm = torch.nn.LayerNorm(12)
                    self.wide = torch.nn.Linear(12, 20)
                    self.conv = torch.nn.Conv1d(20, 6, 3)
                    self.lstm = torch.nn.LSTM(6, 5, batch_first=True)
                    self.out = torch.nn.Linear(5, 3)
                def forward(self, ids):
                    x = self.wide(self.norm(self.embed(ids)))
                    x, _ = self.lstm(self.conv(x.transpose(1, 2)).transpose(1, 2))
                    return self.out(x[:, -1])
            torch.onnx.export(Net().eval(), torch.zeros(2, 9, dtype=torch.long), sys.argv[1], opset_version=14)
            """, _folder["net.onnx"]);

        using TensorFile file = TensorFiles.Open(_folder["net.onnx"]);
        TensorInfo Shaped(params long[] shape) => Assert.Single(file.Tensors, t => t.Shape.SequenceEqual(shape));
        Assert.Equal(TensorRole.Embedding, Shaped(50, 12).Role);
        // In the graph this is onnx::MatMul and a number, of 12 x 20.
        Assert.Equal(("wide.weight", TensorRole.LinearWeight), (Shaped(20, 12).Name, Shaped(20, 12).Role));
        Assert.Equal(TensorRole.Convolution, Shaped(6, 20, 3).Role);
        Assert.Equal(TensorRole.Recurrent, Shaped(1, 20, 6).Role);
        Assert.Equal(TensorRole.Recurrent, Shaped(1, 20, 5).Role);
        Assert.Equal(TensorRole.LinearWeight, Shaped(3, 5).Role);
        Assert.Equal(2, file.Tensors.Count(t => t.Role == TensorRole.Normalization));
        Assert.Equal(4, file.Tensors.Count(t => t.Role == TensorRole.Bias));
        Assert.DoesNotContain(file.Tensors, t => t.DType.IsFloat() && t.Role == TensorRole.Unknown);
    }
}
