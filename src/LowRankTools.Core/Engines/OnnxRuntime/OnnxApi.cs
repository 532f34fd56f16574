using System.Runtime.InteropServices;
using LowRankTools.Core.Text;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines.OnnxRuntime;

/// <summary>
/// Functions of ONNX Runtime's interface for C (<c>onnxruntime_c_api.h</c>, version 1). It is a table of pointers to which releases only add;
/// the numbers are places in it. A function gives a status, null for success.
/// </summary>
/// <param name="functions">The table.</param>
internal sealed unsafe class OnnxApi(nint* functions)
{
    /// <summary>Version of the table that is asked for.</summary>
    public const uint InterfaceVersion = 1;

    private const int ErrorsOnly = 3, ArenaAllocator = 1, DefaultMemory = 0;

    /// <summary>An environment that says nothing below errors, and reports nothing to its makers.</summary>
    public nint CreateEnvironment()
    {
        nint environment = 0;
        fixed (byte* name = "lowrank"u8)
            Check(((delegate* unmanaged<int, byte*, nint*, nint>)functions[3])(ErrorsOnly, name, &environment));
        Check(((delegate* unmanaged<nint, nint>)functions[6])(environment));
        return environment;
    }

    /// <summary>Settings of a session.</summary>
    /// <param name="threads">Threads; zero for its own default, every core.</param>
    public nint CreateSessionOptions(int threads)
    {
        nint options = 0;
        Check(((delegate* unmanaged<nint*, nint>)functions[10])(&options));
        Check(((delegate* unmanaged<nint, int, nint>)functions[24])(options, threads));
        return options;
    }

    /// <summary>Loads a graph.</summary>
    public nint CreateSession(nint environment, string path, nint options)
    {
        nint session = 0, text = OperatingSystem.IsWindows() ? Marshal.StringToHGlobalUni(path) : Marshal.StringToCoTaskMemUTF8(path);
        try
        {
            Check(((delegate* unmanaged<nint, nint, nint, nint*, nint>)functions[7])(environment, text, options, &session));
            return session;
        }
        finally
        {
            if (OperatingSystem.IsWindows())
                Marshal.FreeHGlobal(text);
            else
                Marshal.FreeCoTaskMem(text);
        }
    }

    /// <summary>Inputs, or outputs, of a graph.</summary>
    public int Count(nint session, bool outputs)
    {
        nuint count = 0;
        Check(((delegate* unmanaged<nint, nuint*, nint>)functions[outputs ? 31 : 30])(session, &count));
        return checked((int)count);
    }

    /// <summary>Name of an input, or output.</summary>
    public string Name(nint session, int index, bool outputs)
    {
        nint allocator = 0, name = 0;
        Check(((delegate* unmanaged<nint*, nint>)functions[78])(&allocator));
        Check(((delegate* unmanaged<nint, nuint, nint, nint*, nint>)functions[outputs ? 37 : 36])(session, (nuint)index, allocator, &name));
        string text = Marshal.PtrToStringUTF8(name)!;
        Check(((delegate* unmanaged<nint, nint, nint>)functions[76])(allocator, name));
        return text;
    }

    /// <summary>Element type, as <c>TensorProto.DataType</c> counts them, and sizes of an input or output; -1 is a size that is open, type 0 something that is no tensor.</summary>
    public (int Type, long[] Sizes) Shape(nint session, int index, bool outputs)
    {
        nint type = 0, tensor = 0;
        Check(((delegate* unmanaged<nint, nuint, nint*, nint>)functions[outputs ? 34 : 33])(session, (nuint)index, &type));
        try
        {
            // Owned by the type.
            Check(((delegate* unmanaged<nint, nint*, nint>)functions[55])(type, &tensor));
            return tensor == 0 ? (0, []) : Shape(tensor);
        }
        finally
        {
            Release(98, type);
        }
    }

    /// <summary>A tensor over memory that stays where it is until the tensor is released.</summary>
    public nint CreateTensor(nint memory, byte* data, long bytes, long[] sizes, int type)
    {
        nint value = 0;
        fixed (long* first = sizes)
            Check(((delegate* unmanaged<nint, void*, nuint, long*, nuint, int, nint*, nint>)functions[49])(memory, data, (nuint)bytes, first, (nuint)sizes.Length, type, &value));
        return value;
    }

    /// <summary>The memory of this process.</summary>
    public nint CreateMemory()
    {
        nint memory = 0;
        Check(((delegate* unmanaged<int, int, nint*, nint>)functions[69])(ArenaAllocator, DefaultMemory, &memory));
        return memory;
    }

    /// <summary>Settings of one run, by which another thread can stop it.</summary>
    public nint CreateRunOptions()
    {
        nint options = 0;
        Check(((delegate* unmanaged<nint*, nint>)functions[39])(&options));
        return options;
    }

    /// <summary>Stops the run of these settings.</summary>
    public void Terminate(nint runOptions) => Check(((delegate* unmanaged<nint, nint>)functions[46])(runOptions));

    /// <summary>Runs a graph.</summary>
    public void Run(nint session, nint runOptions, nint[] inputNames, nint[] inputs, nint[] outputNames, nint[] outputs)
    {
        fixed (nint* names = inputNames, values = inputs, answered = outputNames, answers = outputs)
        {
            Check(((delegate* unmanaged<nint, nint, nint*, nint*, nuint, nint*, nuint, nint*, nint>)functions[9])(
                session, runOptions, names, values, (nuint)inputs.Length, answered, (nuint)outputs.Length, answers));
        }
    }

    /// <summary>Element type and sizes of a value; type 0 for something that is no tensor.</summary>
    public (int Type, long[] Sizes) ValueShape(nint value)
    {
        int isTensor = 0;
        Check(((delegate* unmanaged<nint, int*, nint>)functions[50])(value, &isTensor));
        if (isTensor == 0)
            return (0, []);
        nint tensor = 0;
        Check(((delegate* unmanaged<nint, nint*, nint>)functions[65])(value, &tensor));
        try
        {
            return Shape(tensor);
        }
        finally
        {
            Release(99, tensor);
        }
    }

    /// <summary>The elements of a value, which live as long as it does.</summary>
    public byte* Data(nint value)
    {
        void* data = null;
        Check(((delegate* unmanaged<nint, void**, nint>)functions[51])(value, &data));
        return (byte*)data;
    }

    /// <summary>Releases a value.</summary>
    public void ReleaseValue(nint value) => Release(96, value);

    /// <summary>Releases the settings of a run.</summary>
    public void ReleaseRunOptions(nint options) => Release(97, options);

    /// <summary>Releases a session, its settings, its memory and its environment; zero is nothing.</summary>
    public void ReleaseSession(nint session, nint options, nint memory, nint environment)
    {
        Release(95, session);
        Release(100, options);
        Release(94, memory);
        Release(92, environment);
    }

    private (int Type, long[] Sizes) Shape(nint tensor)
    {
        int type = 0;
        nuint count = 0;
        Check(((delegate* unmanaged<nint, int*, nint>)functions[60])(tensor, &type));
        Check(((delegate* unmanaged<nint, nuint*, nint>)functions[61])(tensor, &count));
        long[] sizes = new long[checked((int)count)];
        fixed (long* first = sizes)
            Check(((delegate* unmanaged<nint, long*, nuint, nint>)functions[62])(tensor, first, count));
        return (type, sizes);
    }

    private void Release(int function, nint thing)
    {
        if (thing != 0)
            ((delegate* unmanaged<nint, void>)functions[function])(thing);
    }

    private void Check(nint status)
    {
        if (status == 0)
            return;
        string message = Marshal.PtrToStringUTF8(((delegate* unmanaged<nint, nint>)functions[2])(status)) ?? string.Empty;
        Release(93, status);
        throw new LowRankToolsException(CoreErrors.GraphNotRun, $"ONNX Runtime says: {SafeText.Line(message).TrimEnd('.')}.", "Check the graph with the tool that wrote it.");
    }
}
