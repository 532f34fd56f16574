using System.Runtime.InteropServices;
using LowRankTools.Formats.Tensors;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Engines.OnnxRuntime;

/// <summary>A graph that ONNX Runtime has loaded.</summary>
internal sealed unsafe class OnnxSession : IDisposable
{
    private readonly OnnxApi _api;
    private readonly List<nint> _names = [];
    private nint _environment, _options, _memory, _session;

    private OnnxSession(OnnxApi api, string path)
    {
        _api = api;
        Path = path;
    }

    /// <summary>Full path of the model.</summary>
    public string Path { get; }

    /// <summary>What the graph is given; initializers that could be overridden are not among them.</summary>
    public IReadOnlyList<OnnxPort> Inputs { get; private set; } = [];

    /// <summary>What it answers.</summary>
    public IReadOnlyList<OnnxPort> Outputs { get; private set; } = [];

    /// <summary>Loads a graph.</summary>
    /// <param name="runtime">What runs it.</param>
    /// <param name="path">Full path of the model.</param>
    /// <param name="threads">Threads; zero for every core.</param>
    /// <exception cref="LowRankToolsException"><c>GraphNotRun</c>: the runtime does not take it; <c>InputInvalid</c>: an input or output is no tensor of numbers.</exception>
    public static OnnxSession Open(OnnxRuntimeLibrary runtime, string path, int threads)
    {
        OnnxSession self = new(runtime.Api, path);
        try
        {
            self._environment = runtime.Api.CreateEnvironment();
            self._options = runtime.Api.CreateSessionOptions(threads);
            self._memory = runtime.Api.CreateMemory();
            self._session = runtime.Api.CreateSession(self._environment, path, self._options);
            (self.Inputs, self.Outputs) = (self.Ports(outputs: false), self.Ports(outputs: true));
            return self;
        }
        catch (LowRankToolsException e)
        {
            self.Dispose();
            throw e.In(path);
        }
    }

    /// <summary>Runs the graph once.</summary>
    /// <param name="inputs">One value for each of <see cref="Inputs"/>, in their order.</param>
    /// <param name="cancellationToken">Stops inside the run.</param>
    /// <returns>One value for each of <see cref="Outputs"/>.</returns>
    /// <exception cref="LowRankToolsException"><c>GraphNotRun</c>.</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public OnnxValue[] Run(IReadOnlyList<OnnxValue> inputs, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        nint options = _api.CreateRunOptions();
        nint[] given = new nint[inputs.Count], answers = new nint[Outputs.Count];
        List<GCHandle> pins = [];
        try
        {
            using CancellationTokenRegistration stop = cancellationToken.Register(() => _api.Terminate(options));
            for (int i = 0; i < given.Length; i++)
            {
                pins.Add(GCHandle.Alloc(inputs[i].Bytes, GCHandleType.Pinned));
                given[i] = _api.CreateTensor(_memory, (byte*)pins[^1].AddrOfPinnedObject(), inputs[i].Bytes.Length, inputs[i].Sizes, OnnxTypes.Number(inputs[i].Type));
            }
            _api.Run(_session, options, [.. _names.Take(given.Length)], given, [.. _names.Skip(given.Length)], answers);
            return [.. answers.Select((answer, i) => Read(answer, Outputs[i]))];
        }
        catch (LowRankToolsException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            throw e.In(Path);
        }
        finally
        {
            foreach (nint value in given.Concat(answers))
                _api.ReleaseValue(value);
            _api.ReleaseRunOptions(options);
            pins.ForEach(pin => pin.Free());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _names.ForEach(Marshal.FreeCoTaskMem);
        _names.Clear();
        _api.ReleaseSession(_session, _options, _memory, _environment);
        (_session, _options, _memory, _environment) = (0, 0, 0, 0);
    }

    private OnnxPort[] Ports(bool outputs)
    {
        OnnxPort[] ports = new OnnxPort[_api.Count(_session, outputs)];
        for (int i = 0; i < ports.Length; i++)
        {
            string name = _api.Name(_session, i, outputs);
            (int type, long[] sizes) = _api.Shape(_session, i, outputs);
            ports[i] = new OnnxPort(name, Known(type, name), sizes);
            _names.Add(Marshal.StringToCoTaskMemUTF8(name));
        }
        return ports;
    }

    private OnnxValue Read(nint answer, OnnxPort port)
    {
        (int number, long[] sizes) = _api.ValueShape(answer);
        TensorDType type = Known(number, port.Name);
        byte[] bytes = new byte[checked((int)type.ByteLength(sizes.Aggregate(1L, (a, b) => checked(a * b))))];
        if (bytes.Length > 0)
            new ReadOnlySpan<byte>(_api.Data(answer), bytes.Length).CopyTo(bytes);
        return new OnnxValue(type, sizes, bytes);
    }

    private static TensorDType Known(int type, string name) => OnnxTypes.Of(type)
        ?? throw new LowRankToolsException(CoreErrors.InputInvalid, $"'{name}' is no tensor of numbers (type {type} of ONNX).", "Graphs that are held against each other read and answer tensors of floats or whole numbers.");
}
