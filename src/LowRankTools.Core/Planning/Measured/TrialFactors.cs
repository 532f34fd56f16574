using LowRankTools.Core.Factors;
using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Networks.Layers;
using LowRankTools.Networks.Modules;
using LowRankTools.Numerics.Engines;
using LowRankTools.Numerics.Matrices;

namespace LowRankTools.Core.Planning.Measured;

/// <summary>
/// A layer of a network that runs, as a pair of any rank: its factors are computed once at the largest rank, and those of a
/// smaller rank are their first columns and rows, because components are ordered by what they are worth.
/// </summary>
internal sealed class TrialFactors : ITrialLayer
{
    private readonly INetworkEngine _engine;
    private readonly List<Slot> _places;
    private readonly List<Module> _dense;
    private readonly LayerFactors _factors;
    private readonly bool _embedding;
    private readonly Func<int, int> _rank;
    private readonly List<Parameter> _shown = [];

    /// <summary>Takes a layer.</summary>
    /// <param name="engine">Where the network's parameters live.</param>
    /// <param name="places">Where the network has the layer: one place, or those that share its weight.</param>
    /// <param name="factors">The pair at the largest rank that will be asked for.</param>
    /// <param name="options">What the layer may become where it is asked for by number: pivoted pairs, which answer as pairs do. Null where it is asked for by rank.</param>
    public TrialFactors(INetworkEngine engine, IReadOnlyList<Slot> places, LayerFactors factors, IReadOnlyList<LayerOption>? options = null)
    {
        (_engine, _places, _factors) = (engine, [.. places], factors);
        _rank = number => options?[number - 1].Choice.Largest ?? number;
        _dense = [.. places.Select(p => p.Child)];
        _embedding = _dense[0] is Embedding;
    }

    /// <inheritdoc/>
    public void Show(int? number)
    {
        for (int i = 0; i < _places.Count; i++)
            _places[i].Replace(_dense[i]);
        _shown.ForEach(p => p.Dispose());
        _shown.Clear();
        if (number is not { } n)
            return;
        int r = _rank(n);
        Parameter left = Loaded(_factors.Left.View.Slice(0, 0, _factors.Left.Rows, r));
        if (_embedding)
        {
            LowRankEmbedding table = new(new Embedding(left), new Linear(Loaded(_factors.Right.View.Slice(0, 0, r, _factors.Right.Columns).Transpose())));
            _places.ForEach(p => p.Replace(table));
            return;
        }
        Parameter right = Loaded(_factors.Right.View.Slice(0, 0, r, _factors.Right.Columns));
        for (int i = 0; i < _places.Count; i++)
            _places[i].Replace(new LowRankLinear(new Linear(right), new Linear(left, ((Linear)_dense[i]).Bias)));
    }

    /// <summary>Puts the dense layer back and frees the factors.</summary>
    public void Dispose()
    {
        Show(null);
        _factors.Dispose();
    }

    private Parameter Loaded(MatrixView<float> view)
    {
        Matrix<float> copy = view.ToMatrix();
        Parameter parameter = new(copy.Rows, copy.Columns) { Value = _engine.Adopt(copy, copy.Rows, copy.Columns) };
        _shown.Add(parameter);
        return parameter;
    }
}
