using LowRankTools.Formats.Tests.PyTorch;
using LowRankTools.Fuzzing.Inputs;
using LowRankTools.Fuzzing.Mutations;

namespace LowRankTools.Fuzzing.Models;

/// <summary>PyTorch's archives of state dicts, of checkpoints with modules, of TorchScript; its shards; its old files.</summary>
internal static class PyTorchModels
{
    public static IEnumerable<ModelFiles> All()
    {
        byte[] state = Archive(P.Ordered(
            ("layer.weight", T.Tensor("0", 6, 8)), ("layer.bias", T.Tensor("1", 6)),
            ("turned.weight", T.View(T.Storage("FloatStorage", "0", 48), 0, [8, 6], [1, 8])), ("half", T.View(T.Storage("HalfStorage", "2", 5), 1, [2, 2], [2, 1])),
            ("alone.weight", T.Tensor("3", 6, 8))),
            T.Floats(48), T.Floats(6), new byte[10], T.Floats(48));
        yield return new("PyTorch archive", new ModelPart("model.pt", FileKind.Archive, state));
        yield return new("PyTorch checkpoint", new ModelPart("model.pt", FileKind.Archive, Checkpoint()));
        yield return new("TorchScript", new ModelPart("model.pt", FileKind.Archive, Script()));
        byte[] first = Archive(P.Ordered(("a.weight", T.Tensor("0", 5, 7))), T.Floats(35)), second = Archive(P.Ordered(("b.weight", T.Tensor("0", 7, 5)), ("b.bias", T.Tensor("1", 7))), T.Floats(35), T.Floats(7));
        yield return new("PyTorch in shards", SafetensorsModels.Index("pytorch_model.bin.index.json", ("a.weight", "s1"), ("b.weight", "s2"), ("b.bias", "s2")),
            new ModelPart("s1", FileKind.Archive, first), new ModelPart("s2", FileKind.Archive, second));
        yield return new("PyTorch before 1.6", new ModelPart("model.pt", FileKind.Pickle, Legacy()));
    }

    private static byte[] Archive(object? value, params byte[][] storages) => ZipParts.Read(T.Archive(value, storages))!.ToArray();

    private static byte[] Checkpoint()
    {
        P.Persistent shared = T.Storage("FloatStorage", "0", 12);
        P.Build module = T.Module(
            P.Ordered(("weight", T.Parameter(T.View(shared, 0, [3, 4], [4, 1]))), ("turned", T.Parameter(T.View(shared, 0, [4, 3], [1, 4])))),
            P.Ordered(("mean", T.View(T.Storage("LongStorage", "1", 1), 0, [], []))));
        return Archive(P.Dict(
            ("model", P.Dict(("net", module), ("head.weight", T.Tensor("2", 4, 6)))),
            ("optimizer", P.Dict(("state", P.Dict()), ("param_groups", new List<object?> { 1, 2.5, "x" }))), ("epoch", 3)),
            T.Floats(12), [1, 2, 3, 4, 5, 6, 7, 8], T.Floats(24));
    }

    /// <summary>A module as TorchScript pickles it: a class of its own with its attributes as state, and constants apart.</summary>
    private static byte[] Script()
    {
        P.New module = new(new P.Global("__torch__", "Net"), P.Tuple());
        ZipBuilder zip = T.Zip(new P.Build(module, P.Dict(("training", false), ("weight", T.Tensor("0", 4, 6)), ("bias", T.Tensor("1", 4)))), T.Floats(24), T.Floats(4));
        zip.Add("net/constants.pkl", P.Dump(P.Tuple(T.Tensor("0", 2, 3))));
        zip.Add("net/constants/0", T.Floats(6));
        zip.Add("net/code/__torch__.py", "class Net(Module):\n  pass\n"u8.ToArray());
        return ZipParts.Read(zip.ToArray())!.ToArray();
    }

    private static byte[] Legacy() => T.Legacy(
        P.Ordered(
            ("a.weight", T.View(T.LegacyStorage("FloatStorage", "7", 30), 0, [5, 6], [6, 1])),
            ("b", T.View(T.LegacyStorage("FloatStorage", "7", 30, P.Tuple("8", 2, 6)), 0, [2, 3], [1, 2]))),
        ("7", 4, T.Floats(30)));
}
