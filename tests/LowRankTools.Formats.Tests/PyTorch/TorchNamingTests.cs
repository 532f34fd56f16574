using LowRankTools.Formats.Tensors;

namespace LowRankTools.Formats.Tests.PyTorch;

public sealed class TorchNamingTests
{
    private static readonly byte[] s_two = T.Floats(2);

    private static P.Call W => T.Tensor("0", 2);

    private static P.Pairs Adam => P.Dict(("state", P.Dict((0, P.Dict(("exp_avg", W), ("exp_avg_sq", W))))), ("param_groups", new List<object?>()));

    public static TheoryData<string, object, string[]> Checkpoints => new()
    {
        { "state dict", P.Ordered(("a.weight", W), ("a.bias", W)), ["a.weight", "a.bias"] },
        { "under model", P.Dict(("model", P.Ordered(("a", W))), ("epoch", 3)), ["a"] },
        { "under state_dict", P.Dict(("state_dict", P.Ordered(("a", W)))), ["a"] },
        { "twice", P.Dict(("model", P.Dict(("state_dict", P.Ordered(("a", W)))))), ["a"] },
        { "with optimizer", P.Dict(("net", P.Ordered(("a", W))), ("optimizer", Adam)), ["a"] },
        { "with optimizer under any name", P.Dict(("net", P.Ordered(("a", W))), ("adamw", Adam)), ["a"] },
        { "with a loss", P.Dict(("model", P.Ordered(("a", W))), ("loss", T.Tensor("0"))), ["a"] },
        { "a part called net", P.Dict(("model", P.Dict(("net", P.Dict(("w", W))), ("head", W)))), ["net.w", "head"] },
        { "training state inside", P.Dict(("model", P.Dict(("state_dict", P.Ordered(("a", W))), ("optimizer", Adam)))), ["a"] },
        { "with a criterion", P.Dict(("model", P.Ordered(("a", W))), ("criterion", P.Dict(("weight", W)))), ["a", "criterion.weight"] },
        { "clashing", P.Dict(("model", P.Ordered(("c", P.Dict(("w", W))))), ("c", P.Dict(("w", W)))), ["model.c.w", "c.w"] },
        { "model and ema", P.Dict(("model", P.Ordered(("a", W))), ("ema", P.Ordered(("a", W)))), ["model.a", "ema.a"] },
        { "unknown name", P.Dict(("generator", P.Ordered(("a", W))), ("g_optimizer", Adam)), ["generator.a"] },
        { "only an optimizer", Adam, ["state.0.exp_avg", "state.0.exp_avg_sq"] },
        { "only an optimizer, nested", P.Dict(("optimizer", Adam)), ["optimizer.state.0.exp_avg", "optimizer.state.0.exp_avg_sq"] },
        { "a parameter called step", P.Ordered(("step", W), ("w", W)), ["step", "w"] },
        { "a parameter called model", P.Ordered(("model", W), ("w", W)), ["model", "w"] },
        { "numbers as keys", P.Dict((7, W), (true, 1), (2.5, W)), ["7", "2.5"] },
        { "lists", new List<object?> { W, P.Tuple(W, null) }, ["0", "1.0"] },
        { "alone", W, ["tensor"] },
        { "pairs, as Python 2 wrote them", new P.Call(new P.Global("collections", "OrderedDict"), P.Tuple(new List<object?> { new List<object?> { "a", W }, new List<object?> { "b", W } })), ["a", "b"] },
        { "defaultdict", new P.Pairs(new P.Call(new P.Global("collections", "defaultdict"), P.Tuple(new P.Global("builtins", "dict"))), [("a", W)]), ["a"] },
        { "unknown kind of dict", new P.Pairs(new P.New(new P.Global("lab", "Config"), P.Tuple()), [("a", W)]), ["a"] },
        { "unknown class", new P.Build(new P.New(new P.Global("lab", "Thing"), P.Tuple()), P.Dict(("a", W), ("b", 1))), ["a"] },
        { "unknown class with slots", new P.Build(new P.New(new P.Global("lab", "Thing"), P.Tuple()), P.Tuple(null, P.Dict(("a", W)))), ["1.a"] },
        { "named tuple", new P.New(new P.Global("lab", "Pair"), P.Tuple(W, W)), ["0", "1"] },
        { "module", T.Module(P.Ordered(("weight", T.Parameter(W)))), ["weight"] },
        { "module under model", P.Dict(("model", T.Module(P.Ordered(("weight", T.Parameter(W))))), ("ema", null), ("optimizer", Adam)), ["weight"] },
        { "children", T.Module(P.Ordered(("w", W)), P.Ordered(("b", W)), P.Ordered(("child", T.Module(P.Ordered(("w", W)))))), ["w", "b", "child.w"] },
        { "passing buffers", T.Module(P.Ordered(("w", W)), P.Ordered(("kept", W), ("gone", W)), null, ["gone"]), ["w", "kept"] },
        { "absent bias", T.Module(P.Ordered(("weight", W), ("bias", null))), ["weight"] },
        { "last value of a key", P.Dict(("a", 1), ("b", W), ("a", W)), ["a", "b"] },
    };

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void The_model_is_named_as_its_state_dict(string what, object value, string[] names)
    {
        Assert.NotEmpty(what);
        // The scalar case needs one element, all others two: the storage has two.
        byte[] archive = T.Archive(what == "with a loss" ? P.Dict(("model", P.Ordered(("a", W))), ("loss", T.View(T.Storage("FloatStorage", "0", 2), 0, [], []))) : value, s_two);
        using Opened opened = new(archive);
        Assert.Equal(names, opened.Names);
    }

    [Fact]
    public void Two_paths_that_make_one_name_are_refused() =>
        Assert.Equal(FormatErrors.DuplicateTensor, Opened.ErrorOf(T.Archive(P.Dict(("a.b", W), ("a", P.Dict(("b", W)))), s_two)));

    [Fact]
    public void A_model_inside_a_model_without_end_is_refused()
    {
        object nested = P.Dict(("w", W));
        for (int i = 0; i < 1000; i++)
            nested = P.Dict(("model", nested));
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(T.Archive(nested, s_two)));
        byte[] itself = [(byte)'}', (byte)'q', 0, .. P.Encode("model"), (byte)'h', 0, (byte)'s', .. P.Encode("optimizer"), .. P.Encode(W), (byte)'s'];
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(T.Archive(new P.Raw(itself), s_two)));
    }

    [Fact]
    public void A_file_without_tensors_is_named() =>
        Assert.Equal(FormatErrors.NoTensors, Opened.ErrorOf(T.Archive(P.Dict(("epoch", 3)))));

    [Fact]
    public void Parameters_say_whether_they_train()
    {
        using Opened opened = new(T.Archive(P.Dict(
            ("parameter", T.Parameter(W)),
            ("frozen", T.Parameter(W, requiresGrad: false)),
            ("grad", T.View(T.Storage("FloatStorage", "0", 2), 0, [2], [1], requiresGrad: true)),
            ("plain", W),
            ("old", new P.Call(new P.Global("torch.nn.parameter", "Parameter"), P.Tuple(W, true)))), s_two));
        Assert.Equal([true, false, true, null, true], opened.File.Tensors.Select(t => t.Trainable));
    }

    [Fact]
    public void Buffers_of_modules_do_not_train()
    {
        using Opened opened = new(T.Archive(T.Module(P.Ordered(("w", T.Parameter(W))), P.Ordered(("mean", W))), s_two));
        Assert.Equal([true, false], opened.File.Tensors.Select(t => t.Trainable));
        Assert.Equal([TensorRole.Unknown, TensorRole.Buffer], opened.File.Tensors.Select(t => t.Role));
    }

    [Fact]
    public void Modules_may_share_a_child_as_PyTorch_lists_it()
    {
        byte[] child = [.. P.Encode(T.Module(P.Ordered(("w", W)))), (byte)'q', 0];
        using Opened opened = new(T.Archive(T.Module(P.Ordered(), null, P.Ordered(("a", new P.Raw(child)), ("b", new P.Raw([(byte)'h', 0])))), s_two));
        Assert.Equal(["a.w", "b.w"], opened.Names);
        Assert.Equal(opened["a.w"].Storage, opened["b.w"].Storage);
    }

    [Fact]
    public void Newer_types_come_by_the_third_rebuild_function()
    {
        P.Persistent untyped = new(P.Tuple("storage", new P.Global("torch.storage", "UntypedStorage"), "0", "cpu", 8));
        P.Call tensor = new(new P.Global("torch._utils", "_rebuild_tensor_v3"),
            P.Tuple(untyped, 1, P.Tuple(3), P.Tuple(1), false, P.Ordered(), new P.Global("torch", "uint16")));
        using Opened opened = new(T.Archive(P.Dict(("w", tensor)), [1, 0, 2, 0, 3, 0, 4, 0]));
        Assert.Equal(TensorDType.U16, opened["w"].DType);
        Assert.Equal([2, 3, 4], opened.Values("w"));
    }

    [Fact]
    public void Lazy_conjugates_are_not_handed_out_as_they_lie()
    {
        P.Call tensor = new(T.RebuildTensor, P.Tuple(T.Storage("FloatStorage", "0", 2), 0, P.Tuple(2), P.Tuple(1), false, P.Ordered(), P.Dict(("neg", true))));
        using Opened opened = new(T.Archive(P.Dict(("w", tensor)), s_two));
        Assert.Equal(FormatErrors.ValuesUnsupported, Assert.Throws<ModelFormatException>(() => opened.Values("w")).ErrorId);
    }
}
