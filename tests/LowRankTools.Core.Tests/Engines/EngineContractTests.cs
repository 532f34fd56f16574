using System.Reflection.Emit;
using System.Runtime.CompilerServices;
using LowRankTools.Core.Plans;
using LowRankTools.Decompositions;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;

namespace LowRankTools.Core.Tests;

/// <summary>Algorithms are written above <see cref="ITensorEngine"/> and do not ask which engine it is.</summary>
public sealed class EngineContractTests
{
    private static readonly string s_engine = nameof(EmbeddedEngine);

    // Its memory, which only the engine itself looks into.
    private static readonly string[] s_own = [s_engine, "EmbeddedTensor", "EmbeddedTensor`1"];

    public static TheoryData<string> Assemblies =>
        [typeof(ITensorEngine).Assembly.Location, typeof(Decomposition).Assembly.Location, typeof(Module).Assembly.Location, typeof(RankPlan).Assembly.Location];

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void No_algorithm_asks_which_engine_it_runs_on(string assembly)
    {
        using MethodBodies bodies = new(assembly);
        string[] casts = [.. bodies.Instructions()
            .Where(i => i.Code == OpCodes.Isinst || i.Code == OpCodes.Castclass)
            .Where(i => s_own.Contains(i.TargetType) && !s_own.Contains(i.Type.Split('+')[0]))
            .Select(i => $"{i.Type}.{i.Method} asks for {i.TargetType}")];
        Assert.Empty(casts);
    }

    [Fact]
    public void The_reader_of_instructions_sees_casts_constructions_and_calls()
    {
        using MethodBodies bodies = new(typeof(EngineContractTests).Assembly.Location);
        MethodBodies.Instruction[] seen = [.. bodies.Instructions().Where(i => i.Method == nameof(Asks))];
        Assert.Contains(seen, i => i.Code == OpCodes.Isinst && i.TargetType == s_engine);
        Assert.Contains(seen, i => i.Code == OpCodes.Newobj && i.TargetType == s_engine);
        Assert.Contains(seen, i => i.TargetType == nameof(ITensorEngine) && i.Target == nameof(ITensorEngine.Copy));
    }

    [Fact]
    public void No_way_leads_from_the_engine_through_an_algorithm_into_a_new_engine()
    {
        using MethodBodies bodies = new(typeof(ITensorEngine).Assembly.Location);
        MethodBodies.Instruction[] all = [.. bodies.Instructions()];
        ILookup<int, MethodBodies.Instruction> calls = all.ToLookup(i => i.Row);
        ILookup<string, int> byType = all.ToLookup(i => i.Type, i => i.Row), byName = all.ToLookup(i => $"{i.Type}.{i.Method}", i => i.Row);
        HashSet<int> reached = [.. all.Where(i => i.Type == s_engine || i.Type.StartsWith(s_engine + "+", StringComparison.Ordinal)).Select(i => i.Row)];
        Queue<int> open = new(reached);
        List<string> made = [];
        while (open.TryDequeue(out int method))
        {
            foreach (MethodBodies.Instruction i in calls[method])
            {
                if (i.Code == OpCodes.Newobj && i.TargetType == s_engine) made.Add($"{i.Type}.{i.Method}");
                // What the compiler makes of closures and enumerators is called from elsewhere, so all of it counts; so do all overloads of a generic type's method.
                IEnumerable<int> next = i.Code == OpCodes.Newobj && i.TargetType.Contains('+', StringComparison.Ordinal) ? byType[i.TargetType]
                    : i.TargetRow > 0 ? [i.TargetRow] : byName[$"{i.TargetType}.{i.Target}"];
                foreach (int called in next)
                {
                    if (reached.Add(called)) open.Enqueue(called);
                }
            }
        }

        // It did go through the algorithms.
        Assert.Contains(byType["BlockKrylovSvd"], reached.Contains);
        Assert.Contains(byType["GramSvd"], reached.Contains);
        Assert.Empty(made);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ITensorEngine Asks(ITensorEngine engine, ITensor x)
    {
        engine.Copy(x, ElementType.Float32).Dispose();
        return engine is EmbeddedEngine ? engine : new EmbeddedEngine();
    }
}
