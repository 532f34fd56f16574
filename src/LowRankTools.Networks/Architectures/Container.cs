using LowRankTools.Networks.Modules;

namespace LowRankTools.Networks.Architectures;

/// <summary>Named modules under a name of their own: what gives published names their middle parts.</summary>
internal sealed class Container : Module
{
    private readonly string _typeName;

    public Container(string typeName) => _typeName = typeName;

    public override string TypeName => _typeName;

    /// <summary>Adds a module and returns its place.</summary>
    public Slot<T> Add<T>(string name, T module)
        where T : Module => AddChild(name, module);

    /// <summary>Adds a parameter and returns it.</summary>
    public Parameter Add(string name, Parameter parameter) => AddParameter(name, parameter);
}
