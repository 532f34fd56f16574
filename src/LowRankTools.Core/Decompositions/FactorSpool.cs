using System.Runtime.InteropServices;
using LowRankTools.Core.Output;
using LowRankTools.Formats.Writing;
using LowRankTools.Numerics;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Decompositions;

/// <summary>
/// Factors that wait on the disk until all ranks, and with them the header of the output, are known: so that those of one tensor at a time are in memory. The file lies where the
/// output will, has no name on Unix and is deleted by the system elsewhere: nothing is left of it when the program is killed.
/// </summary>
internal sealed class FactorSpool : IDisposable
{
    private readonly FileStream _file;
    private readonly string _folder;
    private readonly Dictionary<string, (long Start, int Rows, int Columns)> _places = new(StringComparer.Ordinal);

    private FactorSpool(string folder, FileStream file) => (_folder, _file) = (folder, file);

    /// <summary>Makes an empty one in the output's folder, or in the nearest one above that is there.</summary>
    /// <exception cref="LowRankToolsException"><c>DiskFull</c>, <c>OutputNotWritable</c>.</exception>
    public static FactorSpool For(OutputLocation location)
    {
        string folder = location.Folder;
        while (!Directory.Exists(folder) && Path.GetDirectoryName(folder) is { } above)
            folder = above;
        return OutputErrors.Writing(folder, () =>
        {
            string path = Path.Combine(folder, OutputPlace.TemporaryName(location.Key));
            FileStream file = new(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Delete, Options = FileOptions.DeleteOnClose });
            if (!OperatingSystem.IsWindows())
                File.Delete(path);
            return new FactorSpool(folder, file);
        });
    }

    /// <summary>Writes entries, after which the caller needs them no more.</summary>
    /// <exception cref="LowRankToolsException"><c>DiskFull</c>, <c>OutputNotWritable</c>.</exception>
    public void Add(string name, Matrix<float> values) => OutputErrors.Writing(_folder, () =>
    {
        _places.Add(name, (_file.Seek(0, SeekOrigin.End), values.Rows, values.Columns));
        for (int row = 0; row < values.Rows; row++)
            _file.Write(MemoryMarshal.AsBytes(values.Row(row)));
        return true;
    });

    /// <summary>The entries of a name.</summary>
    /// <returns>The caller's.</returns>
    /// <exception cref="LowRankToolsException"><c>OutputNotWritable</c>: the disk failed.</exception>
    public Matrix<float> Read(string name) => OutputErrors.Writing(_folder, () =>
    {
        (long start, int rows, int columns) = _places[name];
        Matrix<float> values = Matrix<float>.Uninitialized(rows, columns);
        try
        {
            _file.Position = start;
            for (int row = 0; row < rows; row++)
                _file.ReadExactly(MemoryMarshal.AsBytes(values.Row(row)));
            return values;
        }
        catch
        {
            values.Dispose();
            throw;
        }
    });

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();
}
