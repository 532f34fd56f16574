using System.Runtime.InteropServices;
using System.Text;

namespace LowRankTools.Tests;

/// <summary>Things in a folder that .NET itself cannot make.</summary>
internal static partial class SpecialFile
{
    private const int ReadableByAll = 0x1A4;

    /// <summary>A named pipe that nobody writes to: whoever opens it plainly waits for ever.</summary>
    public static string Pipe(string path) => Made(MakePipe(path, ReadableByAll), path);

    /// <summary>A file whose name is no UTF-8. Returns what removes it.</summary>
    public static IDisposable RawName(string folder, ReadOnlySpan<byte> name)
    {
        byte[] path = [.. Encoding.UTF8.GetBytes(folder), (byte)'/', .. name, 0];
        Made(MakeFile(path, ReadableByAll), folder);
        return new RawRemoval(path, folder);
    }

    /// <summary>Runs what must not hang, and fails where it does.</summary>
    public static void Within(Action action)
    {
        Task task = Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        // A minute is no measure of speed: without a fault it takes none, with one it takes for ever.
        if (((IAsyncResult)task).AsyncWaitHandle.WaitOne(TimeSpan.FromMinutes(1)))
            task.GetAwaiter().GetResult();
        else
            throw new TimeoutException("It waits for somebody to open the other end.");
    }

    /// <summary>
    /// A chain of folders, the deepest of which has a path longer than the system takes: nobody can list it, whatever their
    /// rights. Returns what removes it.
    /// </summary>
    public static IDisposable Unlistable(string folder)
    {
        string name = new('d', 200);
        Shell($"cd '{folder}' && i=0 && while [ $i -lt 25 ]; do mkdir {name} && cd -P {name} || exit 1; i=$((i+1)); done");
        return new Removal(folder, name);
    }

    private static string Made(int result, string path) =>
        result >= 0 ? path : throw new IOException($"{path}: {Marshal.GetLastPInvokeErrorMessage()}");

    private static void Shell(string command)
    {
        using System.Diagnostics.Process shell = System.Diagnostics.Process.Start("/bin/sh", ["-c", command]);
        shell.WaitForExit();
        if (shell.ExitCode != 0)
            throw new IOException($"The shell could not do: {command}");
    }

    private sealed class Removal(string folder, string name) : IDisposable
    {
        public void Dispose() => Shell($"rm -rf '{folder}/{name}'");
    }

    private sealed class RawRemoval(byte[] path, string folder) : IDisposable
    {
        public void Dispose() => Made(Unlink(path), folder);
    }

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true)]
    private static partial int Unlink(byte[] path);

    [LibraryImport("libc", EntryPoint = "mkfifo", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MakePipe(string path, uint mode);

    [LibraryImport("libc", EntryPoint = "creat", SetLastError = true)]
    private static partial int MakeFile(byte[] path, uint mode);
}
