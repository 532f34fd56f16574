namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>Nothing in a pickle is ever run; what only an attack would mention is refused by name.</summary>
public sealed class PickleGlobalTests
{
    private static byte[] Calling(string module, string name) => T.Archive(
        P.Ordered(("w", T.Tensor("0", 2)), ("x", new P.Call(new P.Global(module, name), P.Tuple("touch /tmp/owned")))), T.Floats(2));

    [Theory]
    [InlineData("os", "system")]
    [InlineData("posix", "system")]
    [InlineData("nt", "system")]
    [InlineData("builtins", "eval")]
    [InlineData("builtins", "exec")]
    [InlineData("builtins", "getattr")]
    [InlineData("builtins", "__import__")]
    [InlineData("builtins", "open")]
    [InlineData("builtins", "compile")]
    [InlineData("__builtin__", "eval")]
    [InlineData("__builtin__", "apply")]
    [InlineData("subprocess", "Popen")]
    [InlineData("subprocess", "check_output")]
    [InlineData("sys", "exit")]
    [InlineData("shutil", "rmtree")]
    [InlineData("socket", "create_connection")]
    [InlineData("runpy", "run_path")]
    [InlineData("pty", "spawn")]
    [InlineData("operator", "attrgetter")]
    [InlineData("importlib", "import_module")]
    [InlineData("ctypes", "CDLL")]
    [InlineData("webbrowser", "open")]
    [InlineData("urllib.request", "urlopen")]
    [InlineData("multiprocessing.util", "spawnv_passfds")]
    [InlineData("asyncio.unix_events", "_UnixSubprocessTransport._start")]
    [InlineData("pickle", "loads")]
    [InlineData("marshal", "loads")]
    [InlineData("types", "CodeType")]
    [InlineData("types", "FunctionType")]
    [InlineData("timeit", "timeit")]
    [InlineData("cProfile", "run")]
    [InlineData("pdb", "run")]
    [InlineData("pydoc", "pipepager")]
    [InlineData("_io", "FileIO")]
    [InlineData("collections", "namedtuple")]
    [InlineData("functools", "reduce")]
    [InlineData("logging.config", "dictConfig")]
    [InlineData("torch.hub", "load")]
    [InlineData("torch.serialization", "load")]
    [InlineData("torch.serialization", "os.system")]
    [InlineData("torch", "load")]
    [InlineData("torch", "os.system")]
    [InlineData("torch.utils.cpp_extension", "load_inline")]
    [InlineData("torch._inductor.codecache", "compile_file")]
    [InlineData("numpy.testing._private.utils", "runstring")]
    [InlineData("numpy", "load")]
    [InlineData("six.moves.builtins", "eval")]
    [InlineData("mylab.os", "system")]
    [InlineData("mylab", "__class__.__subclasses__")]
    [InlineData("pip", "main")]
    [InlineData("setuptools", "setup")]
    [InlineData("cloudpickle.cloudpickle", "_make_function")]
    [InlineData("dill._dill", "_create_function")]
    [InlineData("joblib", "load")]
    public void Names_that_run_code_are_refused(string module, string name) =>
        Assert.Equal(FormatErrors.PickleGlobalRefused, Opened.ErrorOf(Calling(module, name)));

    [Theory]
    [InlineData("collections", "Counter")]
    [InlineData("datetime", "datetime")]
    [InlineData("pathlib", "PosixPath")]
    [InlineData("argparse", "Namespace")]
    [InlineData("functools", "partial")]
    [InlineData("builtins", "set")]
    [InlineData("builtins", "complex")]
    [InlineData("_codecs", "encode")]
    [InlineData("math", "cos")]
    [InlineData("typing", "Any")]
    [InlineData("numpy.core.multiarray", "scalar")]
    [InlineData("numpy._core.multiarray", "_reconstruct")]
    [InlineData("numpy", "dtype")]
    [InlineData("torch", "device")]
    [InlineData("torch", "float16")]
    [InlineData("torch.nn.modules.linear", "Linear")]
    [InlineData("torch.serialization", "_get_layout")]
    [InlineData("__main__", "Net")]
    [InlineData("models.yolo", "Detect")]
    [InlineData("omegaconf.dictconfig", "DictConfig")]
    [InlineData("my.system.model", "System")]
    [InlineData("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint")]
    public void Data_types_and_unknown_classes_are_held_opaque(string module, string name)
    {
        using Opened opened = new(Calling(module, name).ToArray());
        Assert.Equal(["w"], opened.Names);
    }

    public static TheoryData<string, byte[]> WaysToImport => new()
    {
        { "REDUCE", P.Encode(new P.Call(new P.Global("os", "system"), P.Tuple("id"))) },
        { "never called", P.Encode(new P.Global("os", "system")) },
        { "STACK_GLOBAL", [.. P.Encode("os"), .. P.Encode("system"), 0x93] },
        { "NEWOBJ", P.Encode(new P.New(new P.Global("os", "system"), P.Tuple("id"))) },
        { "NEWOBJ_EX", [.. P.Encode(new P.Global("os", "system")), .. P.Encode(P.Tuple()), .. P.Encode(P.Dict()), 0x92] },
        { "OBJ", [(byte)'(', .. P.Encode(new P.Global("os", "system")), .. P.Encode("id"), (byte)'o'] },
        { "EXT1", [0x82, 1] },
        { "EXT2", [0x83, 1, 0] },
        { "EXT4", [0x84, 1, 0, 0, 0] },
        { "in a storage type", P.Encode(T.View(new P.Persistent(P.Tuple("storage", new P.Global("os", "systemStorage"), "0", "cpu", 2)), 0, [2], [1])) },
        { "popped at once", [.. P.Encode(new P.Global("os", "system")), (byte)'0', (byte)'N'] },
    };

    [Theory]
    [MemberData(nameof(WaysToImport))]
    public void There_is_no_way_round_the_list(string way, byte[] opcodes)
    {
        Assert.NotEmpty(way);
        Assert.Equal(FormatErrors.PickleGlobalRefused,
            Opened.ErrorOf(T.Archive(P.Ordered(("w", T.Tensor("0", 2)), ("x", new P.Raw(opcodes))), T.Floats(2))));
    }

    [Fact]
    public void A_bare_pickle_of_an_attack_is_refused_too() =>
        Assert.Equal(FormatErrors.PickleGlobalRefused, Opened.ErrorOf(P.Dump(new P.Call(new P.Global("os", "system"), P.Tuple("id")))));

    [Fact]
    public void A_legacy_file_is_held_to_the_same_list() =>
        Assert.Equal(FormatErrors.PickleGlobalRefused, Opened.ErrorOf(T.Legacy(P.Dict(("x", new P.Global("builtins", "eval"))))));
}
