using LowRankTools.Formats.Writing;
using Microsoft.Win32.SafeHandles;

namespace LowRankTools.Core.Tests.Output;

/// <summary>What a fault does.</summary>
public enum Fault
{
    /// <summary>The process is gone: nothing that comes after happens either, and a write that was under way is half done.</summary>
    Crash,

    /// <summary>The disk refuses this operation and carries out those that follow.</summary>
    Refusal,
}

/// <summary>The end of a process, as far as its writing goes.</summary>
internal sealed class CrashException : Exception;

/// <summary>The real disk, until an operation of a given number.</summary>
internal sealed class FaultyDisk(Fault fault, int failAt) : OutputDisk
{
    private readonly List<IDisposable> _open = [];

    /// <summary>Operations so far, in order, by their names.</summary>
    public List<string> Operations { get; } = [];

    /// <summary>Whether the fault has happened.</summary>
    public bool Failed => Operations.Count > failAt;

    public override IOutputFile Create(string path)
    {
        Step($"create {path}");
        return new FaultyFile(this, Local.Create(path), path);
    }

    public override void Rename(string path, string newPath, bool replace)
    {
        Step($"rename {path} {newPath}");
        Local.Rename(path, newPath, replace);
    }

    public override void Delete(string path)
    {
        Step($"delete {path}");
        Local.Delete(path);
    }

    public override void CreateFolder(string path)
    {
        Step($"create folder {path}");
        Local.CreateFolder(path);
    }

    public override void DeleteFolder(string path)
    {
        Step($"delete folder {path}");
        Local.DeleteFolder(path);
    }

    public override void FlushFolder(string path)
    {
        Step($"flush folder {path}");
        Local.FlushFolder(path);
    }

    public override IOutputLock? TryLock(string path)
    {
        Step($"lock {path}");
        return new FaultyLock(this, path);
    }

    /// <summary>What the end of a process does to what it had open.</summary>
    public void Abandon() => _open.ForEach(o => o.Dispose());

    private void Step(string operation, Action? half = null)
    {
        Operations.Add(operation);
        if (Operations.Count - 1 == failAt)
            half?.Invoke();
        if (Operations.Count - 1 < failAt || Operations.Count - 1 > failAt && fault == Fault.Refusal)
            return;
        throw fault == Fault.Crash ? new CrashException() : new IOException("The disk refuses.");
    }

    private sealed class FaultyFile : IOutputFile
    {
        private readonly FaultyDisk _disk;
        private readonly IOutputFile _file;
        private readonly string _path;

        public FaultyFile(FaultyDisk disk, IOutputFile file, string path)
        {
            _disk = disk;
            _file = file;
            _path = path;
            disk._open.Add(file);
        }

        public void Write(long position, ReadOnlySpan<byte> data)
        {
            byte[] half = data[..(data.Length / 2)].ToArray();
            _disk.Step($"write {_path}", () => _file.Write(position, half));
            _file.Write(position, data);
        }

        public void Flush()
        {
            _disk.Step($"flush {_path}");
            _file.Flush();
        }

        public void Dispose() => _file.Dispose();
    }

    /// <summary>A lock whose file stays when its holder is gone.</summary>
    private sealed class FaultyLock : IOutputLock
    {
        private readonly FaultyDisk _disk;
        private readonly SafeFileHandle _handle;
        private readonly string _path;
        private bool _kept;

        public FaultyLock(FaultyDisk disk, string path)
        {
            _disk = disk;
            _path = path;
            _handle = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            disk._open.Add(_handle);
        }

        public bool IsExclusive => true;

        public string Read()
        {
            byte[] bytes = new byte[RandomAccess.GetLength(_handle)];
            RandomAccess.Read(_handle, bytes, 0);
            return System.Text.Encoding.UTF8.GetString(bytes);
        }

        public void Write(string text)
        {
            _disk.Step($"note in {_path}");
            RandomAccess.SetLength(_handle, 0);
            RandomAccess.Write(_handle, System.Text.Encoding.UTF8.GetBytes(text), 0);
        }

        public void Keep() => _kept = true;

        public void Dispose()
        {
            _disk.Step($"unlock {_path}");
            if (!_kept)
                File.Delete(_path);
            _handle.Dispose();
        }
    }
}
