using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;

namespace LowRankTools.Core.Engines;

/// <summary>A device computes behind its caller's back; to read from a result is to wait for it.</summary>
internal static class DeviceWait
{
    /// <summary>Returns when a result is there: at once on the processor, else when its first row could be read.</summary>
    /// <param name="engine">What computes the result.</param>
    /// <param name="result">What was computed last.</param>
    public static void For(ITensorEngine engine, ITensor result)
    {
        if (engine.Info.Device == EngineCatalog.Embedded.Device)
            return;
        using ITensor first = engine.Slice(result, 0, 1);
        engine.SumOfSquares(first);
    }

    /// <summary>Runs a way forward of a layer to its end.</summary>
    /// <param name="engine">What computes.</param>
    /// <param name="forward">The layer on its inputs.</param>
    /// <param name="cancellationToken">Stops inside products.</param>
    public static void Run(INetworkEngine engine, Func<Pass, ITensor> forward, CancellationToken cancellationToken)
    {
        using Pass pass = Pass.Inference(engine, cancellationToken);
        using ITensor output = forward(pass);
        For(engine, output);
    }
}
