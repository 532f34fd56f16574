using System.Collections.Frozen;

namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>
/// Which names a pickle may mention. Nothing is ever imported, so this is no wall against execution: it is the
/// alarm that a file was made to attack whoever loads it with Python. The rule: Python's standard library holds
/// no models, so its names are refused, but for a short list of plain data types; names of other packages are
/// unknown classes and held as opaque records, but for those that are known to run code.
/// </summary>
internal static class PickleGlobals
{
    /// <summary>Data types of the standard library that checkpoints hold; <c>*</c> is a whole module.</summary>
    private static readonly FrozenDictionary<string, string[]> s_standardData = new Dictionary<string, string[]>
    {
        ["builtins"] = BuiltinData, ["__builtin__"] = BuiltinData,
        ["collections"] = ["OrderedDict", "defaultdict", "deque", "Counter", "ChainMap", "UserDict", "UserList"],
        ["_codecs"] = ["encode"], ["copyreg"] = ["_reconstructor", "__newobj__", "__newobj_ex__"], ["copy_reg"] = ["_reconstructor"],
        ["datetime"] = ["date", "datetime", "time", "timedelta", "timezone"], ["zoneinfo"] = ["ZoneInfo", "ZoneInfo._unpickle"],
        ["decimal"] = ["Decimal"], ["fractions"] = ["Fraction"], ["uuid"] = ["UUID", "SafeUUID"], ["array"] = ["array", "_array_reconstructor"],
        ["pathlib"] = Paths, ["pathlib._local"] = Paths,
        ["argparse"] = ["Namespace"], ["types"] = ["SimpleNamespace", "MappingProxyType", "NoneType"],
        ["functools"] = ["partial"], ["itertools"] = ["count"], ["re"] = ["_compile"], ["random"] = ["Random"],
        ["logging"] = ["getLogger", "Logger", "RootLogger"], ["io"] = ["BytesIO", "StringIO"], ["string"] = ["Template"],
        ["enum"] = ["Enum", "IntEnum", "auto"], ["inspect"] = ["_empty", "Parameter", "Signature", "_ParameterKind"],
        ["math"] = ["*"], ["cmath"] = ["*"], ["typing"] = ["*"], ["numbers"] = ["*"], ["abc"] = ["*"], ["dataclasses"] = ["*"],
    }.ToFrozenDictionary(StringComparer.Ordinal);

    private static string[] BuiltinData =>
    [
        "set", "frozenset", "list", "dict", "tuple", "int", "long", "float", "complex", "bool", "str", "unicode", "bytes",
        "bytearray", "slice", "range", "xrange", "object", "type", "NoneType", "Ellipsis", "NotImplemented",
    ];

    private static string[] Paths => ["Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"];

    /// <summary>Other packages' modules whose functions run code, fetch it or load more pickles.</summary>
    private static readonly FrozenSet<string> s_executing = FrozenSet.Create(StringComparer.Ordinal,
        "torch.hub", "torch.serialization", "torch.utils.cpp_extension", "torch.utils.bottleneck", "torch.utils.collect_env",
        "torch.distributed.run", "torch._inductor", "torch._dynamo", "torch.load", "torch.save", "torch.jit.load",
        "numpy.load", "numpy.save", "numpy.memmap", "numpy.fromfile", "numpy.testing", "numpy.distutils", "numpy.f2py", "numpy.lib.npyio",
        "pip", "setuptools", "pkg_resources", "IPython", "ipykernel", "requests", "aiohttp", "urllib3", "httplib2", "httpx", "commands",
        "paramiko", "fabric", "pexpect", "ptyprocess", "sh", "plumbum", "cloudpickle", "dill", "joblib", "pandas.io",
        "pandas.core.computation", "win32api", "win32com", "psutil", "execnet", "invoke");

    /// <summary>Functions of those modules that checkpoints do hold, because they only describe.</summary>
    private static readonly FrozenSet<string> s_describing = FrozenSet.Create(StringComparer.Ordinal, "torch.serialization._get_layout");

    /// <summary>Modules that give access to everything, wherever they stand in a dotted name.</summary>
    private static readonly FrozenSet<string> s_doors = FrozenSet.Create(StringComparer.Ordinal,
        "os", "posix", "nt", "sys", "subprocess", "builtins", "__builtin__", "__builtins__", "importlib", "runpy", "pty", "ctypes");

    /// <summary>Functions and attributes that run code, whatever module a pickle claims to find them in.</summary>
    private static readonly FrozenSet<string> s_levers = FrozenSet.Create(StringComparer.Ordinal,
        "eval", "exec", "execfile", "compile", "system", "popen", "Popen", "getattr", "__import__", "__globals__", "__subclasses__",
        "__getattribute__", "__reduce__", "__code__", "runstring");

    /// <summary>The name, if it may stand in a model.</summary>
    /// <exception cref="ModelFormatException"><c>PickleGlobalRefused</c>.</exception>
    public static PickleGlobal Admit(string module, string name)
    {
        if (!IsAdmitted(module, name))
            throw Refused($"{module}.{name}");
        return new PickleGlobal(module, name);
    }

    /// <summary>The error that names what a pickle asked for.</summary>
    public static ModelFormatException Refused(string what) =>
        new(FormatErrors.PickleGlobalRefused, $"The pickle wants to import '{what}', which no model needs. Nothing was run.",
            remedy: "Do not load this file with Python. Get the model from a source you trust, best as safetensors.");

    private static bool IsAdmitted(string module, string name)
    {
        if (s_standardData.TryGetValue(module, out string[]? names))
            return names.Contains(name) || (names[0] == "*" && !name.Contains('.', StringComparison.Ordinal));
        if (HasPart(module, s_doors) || HasPart(name, s_doors) || HasPart(name, s_levers))
            return false;
        int dot = module.IndexOf('.', StringComparison.Ordinal);
        string root = dot < 0 ? module : module[..dot];
        if (StandardLibrary.Contains(root) || FirstPartIsStandard(name))
            return false;
        string full = $"{module}.{name}";
        return !IsExecuting(full) || s_describing.Contains(full);
    }

    /// <summary>Protocol 4 walks dots in names: 'torch.serialization' with 'os.system' is os.system.</summary>
    private static bool FirstPartIsStandard(string name)
    {
        int dot = name.IndexOf('.', StringComparison.Ordinal);
        return dot > 0 && StandardLibrary.Contains(name[..dot]);
    }

    private static bool HasPart(string dotted, FrozenSet<string> parts)
    {
        foreach (Range part in dotted.AsSpan().Split('.'))
        {
            if (parts.Contains(dotted[part]))
                return true;
        }
        return false;
    }

    private static bool IsExecuting(string full)
    {
        for (int end = full.Length; end > 0; end = full.LastIndexOf('.', end - 1))
        {
            if (s_executing.Contains(full[..end]))
                return true;
        }
        return false;
    }
}
