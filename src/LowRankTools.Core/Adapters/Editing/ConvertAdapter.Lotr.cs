using LowRankTools.Core.Adapters.Keys;
using LowRankTools.Core.Models;
using LowRankTools.Core.Output;
using LowRankTools.Decompositions.Tensors;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Engines.Embedded;
using LowRankTools.Numerics.Kernels.Gemm;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Adapters.Editing;

/// <content>
/// From pairs to LoTR without a dense delta: with [B_1, B_2, ...] = Q S and [A_1; A_2; ...]^T = P T, each B_i A_i is Q (S_i T_i^T) P^T, and the
/// small S_i T_i^T are what is decomposed.
/// </content>
public sealed partial class ConvertAdapter
{
    private AdapterResult RunLotr(Adapter adapter, Model? model, IProgress<OperationProgress>? progress, CancellationToken cancellationToken)
    {
        if (rank is not (AdapterRank.Fixed or AdapterRank.Energy))
            throw LotrErrors.Rule(adapter.Source, rank);
        if (adapter.Modules.FirstOrDefault(m => m.IsEmbedding) is { } embedding)
            throw LotrErrors.Embedding(adapter.Source, embedding.Name);
        ConvertedNames names = ConvertedNames.Of(adapter, model, AdapterLayout.Lotr);
        LotrWriter writer = new(options.Location(adapter.Source, AdapterLayout.Lotr, Suffix), options.TypeFor(AdapterLayout.Lotr, adapter.WritableDType), options)
        {
            Source = SourceFiles.Of([.. adapter.Files, .. model?.File.Files ?? []]), Name = adapter.Source.Name, Sources = [adapter.Source.Path], ParametersBefore = adapter.Parameters,
        };
        writer.Check();
        List<LotrGroup> groups = [];
        List<AdapterModuleResult> modules = [];
        try
        {
            foreach ((string name, _, long[] inputs, AdapterModule[] own) in LotrGroup.Of(adapter.Modules, m => (m.OutFeatures, m.Inputs)))
            {
                cancellationToken.ThrowIfCancellationRequested();
                progress?.Report(new OperationProgress("Computing", name, modules.Count, adapter.Modules.Count));
                groups.Add(ConvertGroup(name, inputs, own, names, modules, cancellationToken));
            }
            return writer.Write(groups, modules, Rule(AdapterLayout.Lotr), cancellationToken);
        }
        finally
        {
            groups.ForEach(g => g.Dispose());
        }
    }

    private LotrGroup ConvertGroup(string name, long[] inputs, AdapterModule[] own, ConvertedNames names, List<AdapterModuleResult> modules, CancellationToken cancellationToken)
    {
        int[] ranks = [.. own.Select(m => m.Core is null ? m.Rank : Math.Min(m.Rank, (int)m.OutFeatures))];
        int outputs = checked((int)own[0].OutFeatures), width = checked((int)own[0].InFeatures), first = 0;
        using Matrix<double> left = new(outputs, own.Sum(m => m.Rank)), right = new(width, own.Sum(m => m.Rank));
        foreach (AdapterModule module in own)
        {
            using AdapterFactors factors = AdapterFactors.Read(module, cancellationToken);
            names.Reorder(module, factors.B);
            LotrFit.Put(factors.B.View, left.View.Slice(0, first, outputs, factors.Rank));
            LotrFit.Put(factors.A.View.Transpose(), right.View.Slice(0, first, width, factors.Rank));
            first += factors.Rank;
        }
        EmbeddedEngine engine = new();
        (Matrix<double> q, Matrix<double> s) = Qr(engine, left, cancellationToken);
        (Matrix<double> p, Matrix<double> t) = Qr(engine, right, cancellationToken);
        using (q)
        using (s)
        using (p)
        using (t)
        using (Tensor stack = Tensor.Uninitialized(own.Length, s.Rows, t.Rows))
        {
            first = 0;
            for (int i = 0; i < own.Length; first += own[i++].Rank)
                Gemm.Multiply(1, s.View.Slice(0, first, s.Rows, own[i].Rank), t.View.Slice(0, first, t.Rows, own[i].Rank).Transpose(), 0, LotrFit.Core(stack, i), null, cancellationToken);
            (Matrix<double> u, Matrix<double> v, Tensor cores) = LotrFit.Compute(stack, rank!, 0, null, cancellationToken);
            using (u)
            using (v)
            using (cores)
            using (Matrix<double> l = Matrix<double>.Uninitialized(outputs, u.Columns), r = Matrix<double>.Uninitialized(v.Rows, width))
            {
                Gemm.Multiply(1, q.View, u.View, 0, l.View, null, cancellationToken);
                Gemm.Multiply(1, v.View, p.Transposed, 0, r.View, null, cancellationToken);
                modules.AddRange(own.Select((m, i) => LotrFit.Result(names.NameOf(m), outputs, inputs, ranks[i], LotrFit.SquaredNorm(LotrFit.Core(stack, i)), LotrFit.Core(cores, i))));
                return new LotrGroup
                {
                    Name = name, Left = LotrFit.Single(l.View), Right = LotrFit.Single(r.View), Inputs = inputs,
                    Cores = [.. own.Select((m, i) => (names.NameOf(m), LotrFit.Single(LotrFit.Core(cores, i))))],
                };
            }
        }
    }

    private static (Matrix<double> Q, Matrix<double> R) Qr(ITensorEngine engine, Matrix<double> matrix, CancellationToken cancellationToken)
    {
        using ITensor loaded = engine.Load(matrix.View);
        (ITensor q, ITensor r) = engine.Qr(loaded, cancellationToken);
        using (q)
        using (r)
            return (Matrix<double>.From(q.Shape[0], q.Shape[1], engine.ToArray(q)), Matrix<double>.From(r.Shape[0], r.Shape[1], engine.ToArray(r)));
    }
}
