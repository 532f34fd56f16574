using System.Text.Json;
using LowRankTools.Formats.Tests.Peers;

namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>Files saved by PyTorch itself, with what PyTorch says is in them. Made once.</summary>
public sealed class TorchFixture : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lowrank-torch-peer-").FullName;
    private readonly Lazy<Dictionary<string, Expected[]>> _cases;

    public TorchFixture() => _cases = new(() =>
        JsonSerializer.Deserialize<Dictionary<string, Expected[]>>(PythonPeer.Run(Script, _folder), JsonSerializerOptions.Web)!);

    /// <summary>Names of the cases; <c>legacy_</c> is put before those that are saved a second time in the old format.</summary>
    public static readonly string[] Zipped =
    [
        "dtypes", "views", "tied", "checkpoint", "lightning", "two_models", "module", "module_shared", "parallel", "parameter_lists", "unicode",
        "tensor", "list", "empty", "parameters", "optimizer", "channels_last", "transformer", "subclass",
    ];

    public static readonly string[] Scripted = ["scripted", "traced", "frozen"];

    public sealed record Expected(string Name, string DType, long[] Shape, string Sha256, bool? Trainable);

    public string PathOf(string name) => Path.Combine(_folder, name + ".pt");

    public Expected[] this[string name] => _cases.Value[name];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private const string Script =
        """
        import sys, os, json, ctypes, hashlib, collections
        import torch, torch.nn as nn
        folder, out = sys.argv[1], {}
        torch.manual_seed(0)

        def describe(name, t, trainable=None):
            c = t.detach().clone(memory_format=torch.contiguous_format)
            raw = ctypes.string_at(c.data_ptr(), c.numel() * c.element_size()) if c.numel() else b''
            return dict(name=name, dType=str(t.dtype), shape=list(t.shape), sha256=hashlib.sha256(raw).hexdigest(), trainable=trainable)

        def save(name, obj, tensors):
            torch.save(obj, os.path.join(folder, name + '.pt'))
            out[name] = tensors
            if not any(t['dType'] == 'torch.none' for t in tensors):
                torch.save(obj, os.path.join(folder, 'legacy_' + name + '.pt'), _use_new_zipfile_serialization=False)
                out['legacy_' + name] = tensors

        def state(d, prefix=''):
            return [describe(prefix + k, v) for k, v in d.items()]

        def module(m):
            params = dict(m.named_parameters(remove_duplicate=False)) if hasattr(m, 'x') else {}
            flags = {k: v.requires_grad for k, v in m.state_dict(keep_vars=True).items() if isinstance(v, nn.Parameter)}
            return [describe(k, v, flags.get(k, False)) for k, v in m.state_dict().items()]

        real = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
        whole = [torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8]
        dtypes = {str(d)[6:]: (torch.randn(3, 5) * 50).to(d) for d in real + whole}
        dtypes['bool'] = torch.randn(3, 5) > 0
        dtypes['c64'] = torch.randn(3, 5, dtype=torch.complex64)
        dtypes['c128'] = torch.randn(3, 5, dtype=torch.complex128)
        save('dtypes', dtypes, state(dtypes))

        big = torch.randn(64, 96)
        deep = torch.randn(4, 5, 6, 7)
        views = collections.OrderedDict(
            whole=big, rows=big[10:20], columns=big[:, 5:9], transposed=big.t(), every_third=big[::3, ::5], one=big[7, 7], row=big[3],
            column=big[:, 3], expanded=big[0:1].expand(8, 96), scalar_expanded=torch.tensor(2.5).expand(3, 4), outer=big[:, :1].expand(64, 7),
            permuted=deep.permute(3, 1, 0, 2), sliced=deep[1:3, :, 2:5, ::2], overlapping=big.flatten().as_strided((10, 8), (3, 1)),
            half=torch.randn(33, 17).half().t(), double=torch.randn(9, 11).double().t(), bytes=torch.arange(77, dtype=torch.uint8).reshape(7, 11).t(),
            complex=torch.randn(5, 6, dtype=torch.complex128).t(), wide=torch.randn(6, 2048)[:, 3:2000])
        save('views', views, state(views))

        tied = nn.Sequential(collections.OrderedDict(embed=nn.Embedding(11, 4), head=nn.Linear(4, 11, bias=False)))
        tied.head.weight = tied.embed.weight
        save('tied', tied.state_dict(), state(tied.state_dict()))

        net = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))
        optimizer = torch.optim.Adam(net.parameters())
        net(torch.randn(5, 8)).sum().backward(); optimizer.step()
        scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3)
        save('checkpoint', {'epoch': 3, 'model_state_dict': net.state_dict(), 'optimizer_state_dict': optimizer.state_dict(), 'loss': torch.tensor(0.5),
             'rng_state': torch.get_rng_state(), 'scheduler': scheduler.state_dict()}, state(net.state_dict()))
        save('lightning', {'state_dict': net.state_dict(), 'optimizer_states': [optimizer.state_dict()], 'lr_schedulers': [scheduler.state_dict()],
             'callbacks': {'best': torch.tensor(1.)}, 'hyper_parameters': {'w': torch.ones(3)}, 'pytorch-lightning_version': '1.9'}, state(net.state_dict()))
        save('two_models', {'state_dict': net.state_dict(), 'ema': net.state_dict(), 'optimizer': optimizer.state_dict()},
             state(net.state_dict(), 'state_dict.') + state(net.state_dict(), 'ema.'))
        save('optimizer', optimizer.state_dict(),
             [describe('state.%d.%s' % (i, k), v) for i, s in optimizer.state_dict()['state'].items() for k, v in s.items() if torch.is_tensor(v)])

        conv = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Flatten(), nn.Linear(16, 2)))
        conv[0].weight.requires_grad_(False)
        conv.register_buffer('positions', torch.arange(4)[None], persistent=False)
        conv.register_buffer('scale', torch.ones(2))
        save('module', conv, module(conv))
        lin = nn.Linear(4, 4)
        shared = nn.Sequential(lin, nn.ReLU(), lin)
        save('module_shared', shared, module(shared))
        save('parallel', nn.DataParallel(net), module(nn.DataParallel(net)))
        lists = nn.Module()
        lists.a = nn.ParameterList([nn.Parameter(torch.randn(2)), nn.Parameter(torch.randn(3))])
        lists.b = nn.ParameterDict({'x': nn.Parameter(torch.randn(2)), 'y': nn.Parameter(torch.randn(3))})
        lists.c = nn.ModuleList([nn.LSTM(3, 4), nn.GRUCell(2, 2)])
        lists.d = nn.MultiheadAttention(4, 2)
        save('parameter_lists', lists, module(lists))
        transformer = nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 16), 2)
        save('transformer', transformer, module(transformer))

        names = {'größe.weight': torch.randn(2), '层.0': torch.randn(3), 'a b/c': torch.randn(1), '': torch.randn(2)}
        save('unicode', names, state(names))
        one = torch.randn(3, 4)
        save('tensor', one, [describe('tensor', one)])
        several = [torch.randn(2), (torch.randn(3), torch.randn(1))]
        save('list', several, [describe('0', several[0]), describe('1.0', several[1][0]), describe('1.1', several[1][1])])
        empty = {'none': torch.empty(0), 'zero_rows': torch.empty(0, 5), 'zero_columns': torch.empty(5, 0, 2), 'scalar': torch.tensor(3.)}
        save('empty', empty, state(empty))
        parameters = {'w': nn.Parameter(torch.randn(2, 2)), 'frozen': nn.Parameter(torch.randn(2), requires_grad=False), 'plain': torch.randn(2)}
        save('parameters', parameters, [describe(k, v, v.requires_grad if isinstance(v, nn.Parameter) else None) for k, v in parameters.items()])
        last = {'w': torch.randn(4, 3, 5, 5).contiguous(memory_format=torch.channels_last)}
        save('channels_last', last, state(last))
        class Special(torch.Tensor): pass
        special = {'w': torch.randn(3, 2).as_subclass(Special)}
        save('subclass', special, [describe('w', special['w'].as_subclass(torch.Tensor))])

        net.eval()
        scripted = torch.jit.script(net)
        scripted.save(os.path.join(folder, 'scripted.pt')); out['scripted'] = state(net.state_dict())
        torch.jit.trace(net, torch.randn(2, 8)).save(os.path.join(folder, 'traced.pt')); out['traced'] = state(net.state_dict())
        torch.jit.freeze(scripted).save(os.path.join(folder, 'frozen.pt'))
        out['frozen'] = [describe(k, v) for k, v in net.state_dict().items() if v.dim() > 0]
        print(json.dumps(out))
        """;
}
