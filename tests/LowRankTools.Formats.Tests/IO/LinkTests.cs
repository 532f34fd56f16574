using LowRankTools.Formats.Files;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Tests;

namespace LowRankTools.Formats.Tests.IO;

/// <summary>Files that belong to a model lie in its folder, wherever links point.</summary>
public sealed class LinkTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private void Link(string link, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_folder[link])!);
        File.CreateSymbolicLink(_folder[link], target);
    }

    private string Index(string folder) => _folder.Write($"{folder}/model.safetensors.index.json", "{\"weight_map\":{\"a\":\"one.safetensors\"}}"u8.ToArray());

    private static byte[] Shard => SafetensorsBytes.File("{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4);

    private static byte[] External(string location) => OnnxBuilder.Model(OnnxBuilder.Initializer(OnnxBuilder.Tensor("x", 2, [4],
        t => t.Message(13, e => e.Text(1, "location").Text(2, location)).Varint(14, 1))));

    private static void Outside(string path) =>
        Assert.Equal(FormatErrors.ReferencedFileOutside, Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path).Dispose()).ErrorId);

    private static void Opens(string path)
    {
        using TensorFile file = TensorFiles.Open(path);
        Assert.NotEmpty(file.Tensors);
    }

    [UnixOnlyFact]
    public void External_data_that_links_out_is_refused()
    {
        _folder.Write("secret", new byte[100]);
        Link("model/x.data", "../secret");
        Outside(_folder.Write("model/m.onnx", External("x.data")));
    }

    [UnixOnlyFact]
    public void External_data_in_a_folder_that_links_out_is_refused()
    {
        _folder.Write("elsewhere/x.data", new byte[100]);
        Link("model/sub", _folder["elsewhere"]);
        Outside(_folder.Write("model/m.onnx", External("sub/x.data")));
    }

    [UnixOnlyFact]
    public void A_shard_that_links_out_is_refused()
    {
        _folder.Write("secret", Shard);
        Link("model/one.safetensors", _folder["secret"]);
        Outside(Index("model"));
    }

    [UnixOnlyFact]
    public void Links_inside_the_folder_are_followed()
    {
        _folder.Write("model/data/real", Shard);
        Link("model/one.safetensors", "data/real");
        Opens(Index("model"));
    }

    [UnixOnlyFact]
    public void The_folder_itself_may_be_a_link()
    {
        _folder.Write("real/one.safetensors", Shard);
        Index("real");
        Link("model", _folder["real"]);
        Opens(_folder["model/model.safetensors.index.json"]);
    }

    [UnixOnlyFact]
    public void A_cache_of_Hugging_Face_links_into_its_own_blobs()
    {
        _folder.Write("hub/models--org--name/blobs/0a1b", Shard);
        Link("hub/models--org--name/snapshots/main/one.safetensors", "../../blobs/0a1b");
        Opens(Index("hub/models--org--name/snapshots/main"));
        // Models of several parts have folders in their snapshots.
        Link("hub/models--org--name/snapshots/main/unet/one.safetensors", "../../../blobs/0a1b");
        Opens(Index("hub/models--org--name/snapshots/main/unet"));
    }

    [UnixOnlyFact]
    public void Blobs_of_another_repository_and_what_only_looks_like_a_cache_are_outside()
    {
        _folder.Write("hub/models--org--other/blobs/0a1b", Shard);
        _folder.Write("secret", Shard);
        Link("hub/models--org--name/snapshots/main/one.safetensors", "../../../models--org--other/blobs/0a1b");
        Outside(Index("hub/models--org--name/snapshots/main"));
        // A blob that is a link itself leads on.
        Link("hub/models--org--name/blobs/0a1b", _folder["secret"]);
        Link("hub/models--org--name/snapshots/next/one.safetensors", "../../blobs/0a1b");
        Outside(Index("hub/models--org--name/snapshots/next"));
        // Folders of those names without a repository.
        _folder.Write("own/blobs/0a1b", Shard);
        Link("own/snapshots/main/one.safetensors", "../../blobs/0a1b");
        Outside(Index("own/snapshots/main"));
    }

    [UnixOnlyFact]
    public void Links_in_a_circle_lead_nowhere()
    {
        Link("model/one.safetensors", "two.safetensors");
        Link("model/two.safetensors", "one.safetensors");
        Assert.Equal(FormatErrors.ReferencedFileMissing, Assert.Throws<ModelFormatException>(() => TensorFiles.Open(Index("model"))).ErrorId);
    }

    [UnixOnlyFact]
    public void A_companion_that_links_out_is_refused_and_one_that_is_absent_is_none()
    {
        _folder.Write("secret", [1]);
        Link("model/vocab.txt", "../secret");
        Assert.Equal(FormatErrors.ReferencedFileOutside, Assert.Throws<ModelFormatException>(() => SiblingPath.Companion(_folder["model"], "vocab.txt")).ErrorId);
        Assert.Null(SiblingPath.Companion(_folder["model"], "merges.txt"));
    }
}
