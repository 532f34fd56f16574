namespace LowRankTools.Decompositions.Tensors;

/// <summary>The entries of a tensor that are NaN, which stands for missing.</summary>
internal sealed class MissingEntries
{
    private readonly int[] _places;

    private MissingEntries(int[] places) => _places = places;

    /// <summary>Whether a tensor has finite numbers and missing entries alone, at least one of the first.</summary>
    public static bool LeaveNumbers(Tensor tensor)
    {
        bool any = false;
        foreach (double value in tensor.Values)
        {
            if (double.IsInfinity(value))
                return false;
            any |= double.IsFinite(value);
        }
        return any;
    }

    /// <summary>The missing entries; null where none is.</summary>
    public static MissingEntries? Of(Tensor tensor)
    {
        List<int> places = [];
        for (int i = 0; i < tensor.Length; i++)
        {
            if (double.IsNaN(tensor.Values[i]))
                places.Add(i);
        }
        return places.Count == 0 ? null : new MissingEntries([.. places]);
    }

    /// <summary>A copy with the mean of the known entries in place of the missing ones.</summary>
    public Tensor Filled(Tensor tensor)
    {
        Tensor filled = tensor.Copy();
        foreach (int place in _places)
            filled.Values[place] = 0;
        double sum = 0;
        foreach (double value in filled.Values)
            sum += value;
        double mean = sum / Math.Max(1, tensor.Length - _places.Length);
        foreach (int place in _places)
            filled.Values[place] = mean;
        return filled;
    }

    /// <summary>Puts a model's entries in place of the missing ones.</summary>
    public void Fill(Tensor filled, Tensor model)
    {
        foreach (int place in _places)
            filled.Values[place] = model.Values[place];
    }

    /// <summary>||X - X'|| / ||X|| over the known entries; 0 where they are zeros.</summary>
    /// <param name="tensor">X; what it has in missing places does not count.</param>
    /// <param name="model">X'.</param>
    public double Error(Tensor tensor, Tensor model)
    {
        double norm = 0, difference = 0;
        for (int i = 0, next = 0; i < tensor.Length; i++)
        {
            if (next < _places.Length && _places[next] == i)
            {
                next++;
                continue;
            }
            double value = tensor.Values[i], left = value - model.Values[i];
            norm += value * value;
            difference += left * left;
        }
        return norm == 0 ? 0 : Math.Sqrt(difference / norm);
    }
}
