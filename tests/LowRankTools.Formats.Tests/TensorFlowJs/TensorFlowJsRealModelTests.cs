using System.Security.Cryptography;
using LowRankTools.Formats.Files;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tensors;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Formats.Tests.TensorFlowJs;

/// <summary>The Universal Sentence Encoder: a graph model in seven shards.</summary>
public sealed class TensorFlowJsRealModelTests
{
    private const string Script = """
        import sys, os, json, hashlib, math
        root = os.path.dirname(sys.argv[1])
        size = {'float32': 4, 'int32': 4, 'bool': 1}
        for group in json.load(open(sys.argv[1]))['weightsManifest']:
            data = b''.join(open(os.path.join(root, p), 'rb').read() for p in group['paths'])
            at = 0
            for w in group['weights']:
                n = math.prod(w['shape']) * size[w['dtype']]
                print('\t'.join([w['name'], w['dtype'], ','.join(map(str, w['shape'])), hashlib.sha256(data[at:at + n]).hexdigest()]))
                at += n
            assert at == len(data)
        """;

    [RealModelFact(RealModels.SentenceEncoder)]
    public void Its_parameters_and_their_roles_are_known()
    {
        using TensorFile file = TensorFiles.Open(RealModels.Path(RealModels.SentenceEncoder));

        Assert.Equal(ModelFormat.TensorFlowJs, file.Format);
        Assert.Equal(6_975_877, file.Tensors.Where(t => t.DType == TensorDType.F32).Sum(t => t.ElementCount));
        Assert.Equal([8002L, 256L], Assert.Single(file.Tensors, t => t.Role == TensorRole.Embedding).Shape.AsEnumerable());
        Assert.Equal(10, file.Tensors.Count(t => t.Role == TensorRole.MatMulRight));
        Assert.Equal(8, file.Tensors.Count(t => t.Role == TensorRole.Normalization));
        Assert.Equal(8, file.Files.Count);
        Assert.All(file.Tensors.Where(t => t.DType == TensorDType.I32), t => Assert.Equal(TensorRole.Buffer, t.Role));
    }

    [RealModelFact(RealModels.SentenceEncoder, Python = "json")]
    public void Every_value_is_where_the_manifest_puts_it()
    {
        string path = RealModels.Path(RealModels.SentenceEncoder);
        string[] expected = PythonPeer.Run(Script, path).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        using TensorFile file = TensorFiles.Open(path);

        Assert.Equal(expected, file.Tensors.Select(t =>
        {
            byte[] bytes = new byte[t.ByteLength];
            file.ReadBytes(t, 0, bytes);
            string dtype = t.DType == TensorDType.F32 ? "float32" : "int32";
            return string.Join('\t', t.Name, dtype, string.Join(',', t.Shape), Convert.ToHexStringLower(SHA256.HashData(bytes)));
        }));
    }
}
