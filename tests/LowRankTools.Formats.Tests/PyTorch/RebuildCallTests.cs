namespace LowRankTools.Formats.Tests.PyTorch;

/// <summary>A call that should make a tensor and cannot be understood is an error under the tensor's name, never a tensor less.</summary>
public sealed class RebuildCallTests
{
    private static P.Call Call(string function, params object?[] arguments) => new(new P.Global("torch._utils", function), arguments);

    private static object?[] Whole => P.Tuple(T.Storage("FloatStorage", "0", 2), 0, T.Longs([2]), T.Longs([1]), false, P.Ordered());

    public static TheoryData<string, object> Malformed => new()
    {
        { "no arguments", Call("_rebuild_tensor_v2") },
        { "the storage is missing", Call("_rebuild_tensor_v2", Whole[1..]) },
        { "the hooks are missing", Call("_rebuild_tensor_v2", Whole[..5]) },
        { "the first version with three arguments", Call("_rebuild_tensor", Whole[..3]) },
        { "the third version without a type", Call("_rebuild_tensor_v3", Whole) },
        { "quantised, cut off", Call("_rebuild_qtensor", Whole[..4]) },
        { "a storage that is a number", Call("_rebuild_tensor_v2", [7, .. Whole[1..]]) },
        { "a shape that is text", Call("_rebuild_tensor_v2", [.. Whole[..2], "2", .. Whole[3..]]) },
        { "sparse without values", Call("_rebuild_sparse_tensor", new P.Global("torch", "sparse_coo"), P.Tuple(1)) },
        { "from the meta device, cut off", Call("_rebuild_meta_tensor_no_storage", new P.Global("torch", "float32")) },
        { "a function that no PyTorch has", Call("_rebuild_tensor_v9", Whole) },
        { "a parameter of nothing", Call("_rebuild_parameter") },
        { "a parameter of a flag", Call("_rebuild_parameter", true, P.Ordered()) },
        { "a parameter of a malformed tensor", T.Parameter(Call("_rebuild_tensor_v2", Whole[..5])) },
        { "a subclass of a malformed tensor", new P.Call(new P.Global("torch._tensor", "_rebuild_from_type_v2"), P.Tuple(T.RebuildTensor, new P.Global("lab", "Special"), Whole[..5], P.Dict())) },
        { "a subclass of nothing", new P.Call(new P.Global("torch._tensor", "_rebuild_from_type_v2"), P.Tuple()) },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void A_malformed_call_is_an_error_that_names_the_key(string what, object call)
    {
        Assert.NotEmpty(what);
        byte[] file = T.Archive(P.Ordered(("fine", T.Tensor("0", 2)), ("layer.broken", call)), T.Floats(2));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => new Opened(file).Dispose());
        Assert.Equal(FormatErrors.PickleInvalid, error.ErrorId);
        Assert.Equal("layer.broken", error.Tensor);
        Assert.Contains("layer.broken", error.Message, StringComparison.Ordinal);
    }

    /// <summary>A memo entry that was lost leaves the arguments of the call one short; Python would fail, and so does this.</summary>
    [Fact]
    public void A_lost_memo_entry_is_an_error()
    {
        P.Raw remembered = new([.. P.Encode(new P.Global("collections", "OrderedDict")), (byte)'q', 9, (byte)')', (byte)'R']);
        object?[] first = [.. Whole[..5], remembered];
        byte[] recalled = [(byte)'h', 9, (byte)')', (byte)'R'];
        Assert.Equal(["a", "b"], Opened.NamesOf(P.Ordered(("a", Call("_rebuild_tensor_v2", first)), ("b", Call("_rebuild_tensor_v2", [.. Whole[..5], new P.Raw(recalled)]))), T.Floats(2)));
        byte[] lost = T.Archive(P.Ordered(("a", Call("_rebuild_tensor_v2", first)), ("b", Call("_rebuild_tensor_v2", [.. Whole[..5], new P.Raw(recalled[2..])]))), T.Floats(2));
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(lost));
    }

    [Fact]
    public void What_is_no_function_cannot_be_called()
    {
        byte[] file = T.Archive(P.Ordered(("fine", T.Tensor("0", 2)), ("broken", new P.Call("text", Whole))), T.Floats(2));
        Assert.Equal(FormatErrors.PickleInvalid, Opened.ErrorOf(file));
    }

    [Fact]
    public void The_training_state_beside_a_model_may_hold_what_it_likes()
    {
        string[] names = Opened.NamesOf(P.Dict(
            ("model", P.Ordered(("w", T.Tensor("0", 2)))),
            ("optimizer", P.Dict(("state", P.Dict((0, Call("_rebuild_tensor_v2")))), ("param_groups", new List<object?>())))), T.Floats(2));
        Assert.Equal(["w"], names);
    }
}
