using LowRankTools.Core.Planning.Candidates;
using LowRankTools.Numerics;

namespace LowRankTools.Core.Planning;

/// <summary>
/// The integer ranks of least weighted discarded energy, sum of w_i sigma_ik^2 over k above r_i, whose cost is within a
/// budget: parameters, r_i (m_i + n_i) or m_i n_i for a layer that stays dense, or another <see cref="RankCost"/>.
/// </summary>
/// <remarks>
/// A multiple-choice knapsack. One price for a parameter makes the layers independent and gives a lower bound (the
/// Lagrangian dual); what the integers leave over is filled by <see cref="LeftoverSearch"/>, exact unless it says otherwise
/// (Pisinger, A minimal algorithm for the multiple-choice knapsack problem, 1995).
/// </remarks>
public static class RankSolver
{
    /// <summary>Solves.</summary>
    /// <param name="layers">The layers' choices.</param>
    /// <param name="budget">Most that all layers together may cost.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="LowRankToolsException"><c>BudgetTooSmall</c>: even the cheapest choices need more.</exception>
    public static RankSolution Solve(IReadOnlyList<RankChoices> layers, long budget, CancellationToken cancellationToken = default)
    {
        long least = 0;
        foreach (RankChoices layer in layers)
            least = checked(least + layer.Cost(0));
        if (least > budget)
        {
            throw new LowRankToolsException(CoreErrors.BudgetTooSmall, $"The smallest ranks allowed cost {least}; the budget is {budget}.",
                $"Allow {least} or more, or smaller ranks.");
        }
        // Costs move in steps of their greatest common divisor: a budget between two steps is worth the lower one.
        long divisor = CommonStep(layers);
        long usable = divisor == 0 ? least : budget - (budget - least) % divisor;
        PriceSearch prices = new(layers);
        prices.Run(usable, cancellationToken);
        double price = prices.Price, bound = -price * usable;
        for (int i = 0; i < layers.Count; i++)
            bound += layers[i].Priced(prices.Choices[i], price);
        LeftoverSearch leftovers = new(layers, prices, usable);
        bool proven = leftovers.Run(cancellationToken);
        int[] choices = leftovers.Choices;
        long cost = 0;
        double loss = 0;
        for (int i = 0; i < layers.Count; i++)
        {
            cost += layers[i].Cost(choices[i]);
            loss += layers[i].Loss(choices[i]);
        }
        return new RankSolution { Choices = choices, Cost = cost, Loss = loss, LowerBound = Math.Clamp(bound, 0, loss), IsProvenOptimal = proven };
    }

    private static long CommonStep(IReadOnlyList<RankChoices> layers)
    {
        long divisor = 0;
        foreach (RankChoices layer in layers)
            divisor = RankChoices.Gcd(divisor, layer.CommonStep());
        return divisor;
    }
}
