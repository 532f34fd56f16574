using System.Net.Sockets;
using LowRankTools.Formats.IO;
using LowRankTools.Formats.Opening;
using LowRankTools.Formats.Tests.Onnx;
using LowRankTools.Formats.Tests.Safetensors;
using LowRankTools.Tests;

namespace LowRankTools.Formats.Tests.IO;

/// <summary>What is no regular file is refused by name, and nobody waits for it.</summary>
public sealed class RegularFileTests : IDisposable
{
    private readonly TestFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private static void Refused(string path) => SpecialFile.Within(() =>
        Assert.Equal(FormatErrors.NotARegularFile, Assert.Throws<ModelFormatException>(() => TensorFiles.Open(path).Dispose()).ErrorId));

    [UnixOnlyFact]
    public void A_named_pipe() => Refused(SpecialFile.Pipe(_folder["m.safetensors"]));

    [UnixOnlyFact]
    public void A_link_to_a_named_pipe()
    {
        SpecialFile.Pipe(_folder["pipe"]);
        File.CreateSymbolicLink(_folder["m.safetensors"], _folder["pipe"]);
        Refused(_folder["m.safetensors"]);
    }

    [UnixOnlyFact]
    public void A_socket()
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(_folder["m.safetensors"]));
        Refused(_folder["m.safetensors"]);
    }

    [UnixOnlyFact]
    public void A_device_that_never_ends() => Refused("/dev/zero");

    [UnixOnlyFact]
    public void A_named_pipe_as_external_data()
    {
        SpecialFile.Pipe(_folder["x.data"]);
        Refused(_folder.Write("m.onnx", OnnxBuilder.Model(OnnxBuilder.Initializer(OnnxBuilder.Tensor("x", 2, [4],
            t => t.Message(13, e => e.Text(1, "location").Text(2, "x.data")).Varint(14, 1))))));
    }

    [UnixOnlyFact]
    public void A_named_pipe_as_a_shard()
    {
        SpecialFile.Pipe(_folder["one.safetensors"]);
        Refused(_folder.Write("m.safetensors.index.json", "{\"weight_map\":{\"a\":\"one.safetensors\"}}"u8.ToArray()));
    }

    [UnixOnlyFact]
    public void A_named_pipe_as_an_index() => Refused(SpecialFile.Pipe(_folder["m.safetensors.index.json"]));

    /// <summary>A file that becomes a pipe between the look and the open.</summary>
    [UnixOnlyFact]
    public void A_file_that_turns_into_a_pipe_while_it_is_opened()
    {
        SpecialFile.Pipe(_folder["pipe"]);
        _folder.Write("file", new byte[16]);
        string path = _folder["m.bin"];
        File.CreateSymbolicLink(path, _folder["file"]);
        using CancellationTokenSource stop = new();
        Thread swapping = new(() =>
        {
            for (int i = 0; !stop.IsCancellationRequested; i++)
            {
                File.CreateSymbolicLink(_folder["next"], _folder[i % 2 == 0 ? "pipe" : "file"]);
                File.Move(_folder["next"], path, overwrite: true);
            }
        });
        swapping.Start();
        int opened = 0;
        try
        {
            SpecialFile.Within(() =>
            {
                for (int i = 0; i < 3000; i++)
                    opened += Opens(path) ? 1 : 0;
            });
        }
        finally
        {
            stop.Cancel();
            swapping.Join();
        }
        Assert.InRange(opened, 0, 3000);
    }

    private static bool Opens(string path)
    {
        try
        {
            RegularFile.OpenRead(path).Dispose();
            return true;
        }
        catch (ModelFormatException e)
        {
            Assert.Equal(FormatErrors.NotARegularFile, e.ErrorId);
            return false;
        }
    }

    [Fact]
    public void A_regular_file_is_read_from_any_place()
    {
        string path = _folder.Write("a", [1, 2, 3, 4]);
        using ModelFileHandle file = new(path);
        byte[] bytes = new byte[2];
        file.ReadExactly(2, bytes);
        Assert.Equal([3, 4], bytes);
        Assert.Equal(4, file.Length);
        Assert.Null(RegularFile.ReadAllBytes(path, 3));
        Assert.Equal([1, 2, 3, 4], RegularFile.ReadAllBytes(path, 4));
    }

    [Fact]
    public void An_absent_file_is_absent() => Assert.Throws<FileNotFoundException>(() => TensorFiles.Open(_folder["absent.safetensors"]));

    [UnixOnlyFact]
    public void A_file_that_a_writer_has_for_itself_is_not_read()
    {
        string path = _folder.Write("a", [1]);
        using FileStream writer = new(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
        Assert.Throws<IOException>(() => RegularFile.OpenRead(path));
    }

    [UnixOnlyFact]
    public void A_name_that_is_no_text_is_shown_by_its_bytes()
    {
        if (OperatingSystem.IsMacOS())
            return; // its file systems hold text only
        using IDisposable raw = SpecialFile.RawName(_folder.Root, [.. "w"u8, 0xFF, .. "x.safetensors"u8]);
        string seen = Assert.Single(Directory.EnumerateFiles(_folder.Root));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => TensorFiles.Open(seen));
        Assert.Equal(FormatErrors.FileNameInvalid, error.ErrorId);
        Assert.Contains("w\\xFFx.safetensors", error.Message, StringComparison.Ordinal);
    }
}
