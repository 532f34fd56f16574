namespace LowRankTools.Formats.Writing;

/// <summary>
/// Everything that writing a model does to the disk, one method an operation, so that tests can stop a writer between any
/// two of them.
/// </summary>
public abstract class OutputDisk
{
    /// <summary>The disks of this machine.</summary>
    public static OutputDisk Local { get; } = new LocalDisk();

    /// <summary>Creates a file that is not there.</summary>
    /// <exception cref="IOException">It is there, or cannot be created.</exception>
    public abstract IOutputFile Create(string path);

    /// <summary>Gives a file another name in its folder, in one step that is seen whole or not at all.</summary>
    /// <param name="path">The file.</param>
    /// <param name="newPath">Its new name.</param>
    /// <param name="replace">Whether a file of that name gives way.</param>
    /// <exception cref="IOException">The name is taken and <paramref name="replace"/> is false, or the disk refuses.</exception>
    public abstract void Rename(string path, string newPath, bool replace);

    /// <summary>Deletes a file; one that is not there is no error.</summary>
    public abstract void Delete(string path);

    /// <summary>Creates a folder and its parents.</summary>
    public abstract void CreateFolder(string path);

    /// <summary>Deletes an empty folder.</summary>
    public abstract void DeleteFolder(string path);

    /// <summary>Makes new names in a folder outlast a loss of power.</summary>
    public abstract void FlushFolder(string path);

    /// <summary>Takes a lock that ends with this process, however that ends; null where another one has it.</summary>
    /// <param name="path">The lock's file, created where it is absent.</param>
    public abstract IOutputLock? TryLock(string path);
}

/// <summary>A file that is being written.</summary>
public interface IOutputFile : IDisposable
{
    /// <summary>Writes bytes at a position.</summary>
    void Write(long position, ReadOnlySpan<byte> data);

    /// <summary>Makes the bytes outlast a loss of power.</summary>
    void Flush();
}

/// <summary>A lock that is held. Disposing lets go of it and deletes its file, unless it is kept.</summary>
public interface IOutputLock : IDisposable
{
    /// <summary>Whether locks on this disk keep others out; some network disks pretend.</summary>
    bool IsExclusive { get; }

    /// <summary>What the holder wrote down, or one before it that was killed; at most 1 MB.</summary>
    string Read();

    /// <summary>Writes down what whoever finds the lock after a crash should know.</summary>
    void Write(string text);

    /// <summary>Leaves the file, and what is written in it, to the next holder.</summary>
    void Keep();
}
