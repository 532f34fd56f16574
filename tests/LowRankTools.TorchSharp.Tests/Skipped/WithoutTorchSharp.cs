namespace LowRankTools.TorchSharp.Tests;

/// <summary>Stands for the tests of this project in a build without TorchSharp, so that their absence is counted.</summary>
public sealed class WithoutTorchSharp
{
    [TorchSharpFact]
    public void Engine_conformance()
    {
    }

    [TorchSharpFact]
    public void Engine_leaks_no_tensor()
    {
    }

    [TorchSharpFact]
    public void Engine_through_the_loader()
    {
    }

    [TorchSharpFact]
    public void Module_surgery()
    {
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class TorchSharpFactAttribute : FactAttribute
    {
        public TorchSharpFactAttribute() => Skip = "needs a build with -p:TorchBackend=cpu";
    }
}
