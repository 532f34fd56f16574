namespace LowRankTools.Formats.PyTorch.Pickle;

/// <summary>
/// What the functions that PyTorch puts into its pickles would have made, as descriptions. Everything that is not
/// known here becomes a <see cref="PickleObject"/>.
/// </summary>
/// <param name="folder">Folder of the archive that the pickle's storages lie in; empty in a legacy file.</param>
internal sealed class TorchObjects(string folder)
{
    private const string Quantized = "is quantised: its integers mean nothing without their scale";

    private readonly Dictionary<string, TorchStorage> _storages = new(StringComparer.Ordinal);

    /// <summary>Every storage that was referred to, by key.</summary>
    public IReadOnlyDictionary<string, TorchStorage> Storages => _storages;

    /// <summary>A persistent id: <c>('storage', type, key, location, numel[, view])</c> or <c>('module', class, file, source)</c>.</summary>
    public object PersistentLoad(object id)
    {
        if (id is not PickleTuple { Items: [string kind, PickleGlobal type, ..] } tuple)
            throw Invalid("A persistent id is no tuple of PyTorch's.");
        if (kind == "module")
            return type;
        if (kind != "storage" || tuple.Items.Length is not (5 or 6) || !TorchElement.IsStorage(type))
            throw Invalid($"A persistent id of kind '{kind}' is not known.");
        string key = tuple.Items[2] switch
        {
            string text => text,
            long number => number.ToString(System.Globalization.CultureInfo.InvariantCulture),
            _ => throw Invalid("A storage has no name."),
        };
        TorchElement? element = TorchElement.OfStorage(type);
        int size = element?.Size ?? 1;
        TorchStorage root = new(key, folder, element, Bytes(Integer(tuple.Items[4]), size), 0);
        if (_storages.TryGetValue(key, out TorchStorage? known))
        {
            if (known.DType?.DType != root.DType?.DType || known.Bytes != root.Bytes)
                throw Invalid($"Storage '{key}' is described in two ways.");
            root = known;
        }
        _storages[key] = root;
        if (tuple.Items.Length == 5 || tuple.Items[5] is PickleNone)
            return root;
        if (tuple.Items[5] is not PickleTuple { Items: [_, long offset, long viewed] })
            throw Invalid($"A view of storage '{key}' is not described.");
        (long start, long length) = (Bytes(offset, size), Bytes(viewed, size));
        if (start > root.Bytes || length > root.Bytes - start)
            throw Invalid($"A view of storage '{key}' lies outside it.");
        return root with { ViewOffset = start, Bytes = start + length };
    }

    /// <summary>What calling <paramref name="callable"/> would have given.</summary>
    public static object Reduce(object callable, PickleTuple arguments)
    {
        if (callable is not PickleGlobal function)
            return callable is PickleObject or PickleOpaque ? new PickleObject(null, arguments) : throw Invalid("The pickle is damaged. It calls what is no function.");
        return function.Module switch
        {
            "torch._utils" => Rebuild(function, arguments),
            "torch._tensor" or "torch.tensor" when function.Name is "_rebuild_from_type" or "_rebuild_from_type_v2" => RebuildFromType(function, arguments),
            "torch" when function.Name == "Size" && arguments.Items is [PickleTuple or PickleList] => arguments.Items[0],
            "torch.nn.parameter" or "torch.nn" when function.Name == "Parameter" => Parameter(function, arguments),
            "torch.autograd.variable" or "torch.autograd" when function.Name == "Variable" => arguments.Items is [TorchTensor or TorchFault, ..] ? arguments.Items[0] : new PickleObject(function, arguments),
            "torch.jit._pickle" when arguments.Items.Length >= 1 => arguments.Items[0],
            _ => New(function, arguments),
        };
    }

    /// <summary>What constructing <paramref name="type"/> would have given.</summary>
    public static object New(object type, PickleTuple arguments)
    {
        if (type is not PickleGlobal known)
            return new PickleObject(null, arguments);
        switch (known.FullName)
        {
            case "collections.OrderedDict" or "collections.Counter" or "builtins.dict" or "__builtin__.dict":
                return Dict(arguments.Items is [var source, ..] ? source : null);
            case "collections.defaultdict":
                return Dict(arguments.Items is [_, var source2, ..] ? source2 : null);
            case "builtins.set" or "__builtin__.set" or "builtins.frozenset" or "__builtin__.frozenset" or "builtins.list" or "__builtin__.list"
                or "builtins.tuple" or "__builtin__.tuple" or "collections.deque":
                return arguments.Items is [PickleList or PickleTuple, ..] ? arguments.Items[0] : new PickleList();
            case "copyreg._reconstructor" or "copy_reg._reconstructor" when arguments.Items is [PickleGlobal rebuilt, ..]:
                return new PickleObject(rebuilt, PickleTuple.Empty);
            default:
                return new PickleObject(known, arguments);
        }
    }

    /// <summary>A tensor; or, where the call makes no sense, what says so under the tensor's name.</summary>
    private static object Rebuild(PickleGlobal function, PickleTuple arguments)
    {
        try
        {
            return RebuildKnown(function, arguments);
        }
        catch (ModelFormatException e) when (e.ErrorId == FormatErrors.PickleInvalid)
        {
            return new TorchFault(e.Message);
        }
    }

    private static object RebuildKnown(PickleGlobal function, PickleTuple arguments)
    {
        object[] a = arguments.Items;
        return function.Name switch
        {
            "_rebuild_tensor" when a.Length >= 4 => View(a, null),
            "_rebuild_tensor_v2" when a.Length >= 6 => Flagged(View(a, null), a, 6),
            "_rebuild_tensor_v3" when a.Length >= 7 => Flagged(View(a, TorchElement.OfDType(a[6])), a, 7),
            "_rebuild_qtensor" when a.Length >= 6 => View(a, null) with { Unreadable = Quantized },
            "_rebuild_parameter" or "_rebuild_parameter_with_state" => Parameter(function, arguments),
            "_rebuild_device_tensor_from_cpu_tensor" when a is [TorchTensor or TorchFault, ..] => a[0],
            "_rebuild_meta_tensor_no_storage" when a.Length >= 3 => Unreadable(a[0], a[1], "has no values: it was saved from the meta device"),
            "_rebuild_wrapper_subclass" when a.Length >= 3 => Unreadable(a[1], a[2], "is of a subclass that keeps its values elsewhere"),
            "_rebuild_sparse_tensor" or "_rebuild_sparse_csr_tensor" when a is [_, PickleTuple { Items: [.., TorchTensor values, PickleTuple or PickleList] and [.., var size] }, ..] =>
                Unreadable(values.Element, size, "is sparse"),
            "_rebuild_device_tensor_from_numpy" or "_rebuild_xla_tensor" => throw new ModelFormatException(FormatErrors.ValuesUnsupported,
                "A tensor was saved from an XLA device, as a numpy array inside the pickle.", remedy: "Move the model to the CPU and save it again."),
            _ when function.Name.StartsWith("_rebuild", StringComparison.Ordinal) =>
                throw Invalid($"Its call of {function.FullName} with {a.Length} arguments is not one that PyTorch makes."),
            _ => new PickleObject(function, arguments),
        };
    }

    /// <summary><c>(function, type, arguments, state)</c>: a tensor of a subclass.</summary>
    private static object RebuildFromType(PickleGlobal function, PickleTuple arguments) =>
        arguments.Items is [PickleGlobal { Module: "torch._utils" } inner, _, PickleTuple innerArguments, ..]
            ? Rebuild(inner, innerArguments)
            : new TorchFault($"Its call of {function.FullName} names no function that makes a tensor.");

    /// <summary><c>(data, requires_grad, ...)</c>; the data may be of a subclass that is not known here.</summary>
    private static object Parameter(PickleGlobal function, PickleTuple arguments) => arguments.Items switch
    {
        [TorchTensor data] => data with { Trainable = true },
        [TorchTensor data, var flag, ..] => data with { Trainable = Flag(flag) },
        [TorchFault fault, ..] => fault,
        // A parameter without any data is a damaged call, and not a subclass.
        [] or [TorchStorage or PickleNone or PickleGlobal or string or long or bool or double, ..] => new TorchFault($"Its call of {function.FullName} gives it no tensor."),
        _ => new PickleObject(function, arguments),
    };

    private static TorchTensor View(object[] a, TorchElement? element)
    {
        if (a[0] is not TorchStorage storage)
            throw Invalid("A tensor has no storage.");
        element ??= storage.DType ?? throw Invalid($"A tensor in storage '{storage.Key}' has no element type.");
        long[] sizes = Integers(a[2]);
        long[] strides = Integers(a[3]);
        long offset = Integer(a[1]);
        if (sizes.Length != strides.Length || offset < 0 || strides.Any(s => s < 0))
            throw Invalid("A tensor's strides do not fit its shape.");
        return new TorchTensor(element, storage, offset, sizes, strides) { Unreadable = element.IsQuantized ? Quantized : null };
    }

    private static TorchTensor Unreadable(object dtype, object sizes, string reason) =>
        Unreadable(TorchElement.OfDType(dtype), sizes, reason);

    private static TorchTensor Unreadable(TorchElement element, object sizes, string reason)
    {
        long[] shape = Integers(sizes);
        return new TorchTensor(element, null, 0, shape, new long[shape.Length]) { Unreadable = reason };
    }

    /// <summary>Newer files mark tensors that still have to be conjugated or negated when they are used.</summary>
    private static TorchTensor Flagged(TorchTensor tensor, object[] a, int metadataAt)
    {
        bool lazy = a.Length > metadataAt && a[metadataAt] is PickleDict metadata && (metadata.Get("conj") is true || metadata.Get("neg") is true);
        return tensor with
        {
            Trainable = Flag(a[4]) ? true : null,
            Unreadable = lazy ? "is a lazily conjugated or negated view" : tensor.Unreadable,
        };
    }

    private static PickleDict Dict(object? source)
    {
        if (source is PickleDict same)
            return same;
        PickleDict dict = new();
        foreach (object item in source is PickleList list ? list.Items : source is PickleTuple tuple ? tuple.Items : [])
        {
            (object key, object value) = item switch
            {
                PickleTuple { Items: [var k, var v] } => (k, v),
                PickleList { Items: [var k, var v] } => (k, v),
                _ => throw Invalid("A dict is built from what are no pairs."),
            };
            dict.Set(key, value);
        }
        return dict;
    }

    private static bool Flag(object value) => value is true;

    private static long Integer(object value) => value as long? ?? throw Invalid("A tensor's offset, size or stride is no integer.");

    private static long[] Integers(object value) => value switch
    {
        PickleTuple tuple => Array.ConvertAll(tuple.Items, Integer),
        PickleList list => [.. list.Items.Select(Integer)],
        _ => throw Invalid("A tensor has no shape."),
    };

    private static long Bytes(long elements, int size) =>
        elements >= 0 && elements <= long.MaxValue / size ? elements * size : throw Invalid("A storage has an impossible length.");

    private static ModelFormatException Invalid(string message) => new(FormatErrors.PickleInvalid, message);
}
