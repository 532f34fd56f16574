namespace LowRankTools.Formats.Onnx;

/// <summary>
/// A chain of Conv nodes in place of one, or of ConvTranspose nodes in place of such a one. Stride, padding and dilation of a side go to the convolution that has the kernel's size along that
/// side, where they mean the same: the convolutions before it see single pixels and add nothing, so that zeros around their inputs stay
/// zeros, and what a transposed convolution cuts off a side or adds to it, the others of its chain do to each line by itself. The bias goes to the last one.
/// </summary>
/// <param name="reader">Reads the file of the graph.</param>
internal sealed class OnnxConvolutionNodes(ProtobufReader reader)
{
    /// <summary>AttributeProto.type of a number and of several, which runtimes insist on.</summary>
    private const int IntType = 2, IntsType = 7;

    /// <summary>The messages of all nodes.</summary>
    /// <param name="node">The Conv or ConvTranspose node; its kernel has one side, two or three.</param>
    /// <param name="factors">Kernels, and what each takes over.</param>
    /// <param name="between">Names of the values between them, one fewer.</param>
    public IEnumerable<byte[]> Replace(OnnxNode node, OnnxFactors factors, IReadOnlyList<string> between)
    {
        OnnxPairNodes.RequireShort(reader, node);
        int last = factors.Factors.Count - 1;
        for (int i = 0; i <= last; i++)
        {
            List<string> inputs = [i == 0 ? node.Inputs[0] : between[i - 1], factors.Factors[i].Name];
            if (i == last)
                inputs.AddRange(node.Inputs.Skip(2));
            yield return Convolution(node, factors.Chain![i], factors.Factors[i].Shape, OnnxPairNodes.Head(node, inputs, i == last ? node.Outputs : [between[i]], $"/{i}"));
        }
    }

    private byte[] Convolution(OnnxNode node, OnnxConvolution stage, IReadOnlyList<long> kernel, ProtobufWriter message)
    {
        foreach (OnnxField field in OnnxField.Of(reader, node.Span))
        {
            if (field.Number is OnnxFields.NodeInput or OnnxFields.NodeOutput or OnnxFields.NodeName)
                continue;
            if (field.Number != OnnxFields.NodeAttribute)
            {
                message.Raw(reader.ReadBytes(field.Whole));
                continue;
            }
            OnnxAttribute attribute = OnnxAttribute.Read(reader, field.Content);
            switch (attribute.Name)
            {
                case "kernel_shape" or "group":
                    break;
                case "strides" or "dilations" or "pads" or "output_padding":
                    if (Own(attribute, stage, kernel.Count - 2) is { } numbers)
                        message.Message(OnnxFields.NodeAttribute, Numbers(attribute.Name, numbers));
                    break;
                // An output_shape that is empty says nothing. SAME and VALID mean the same of each side alone, and nothing of a side of size 1.
                default:
                    message.Raw(reader.ReadBytes(field.Whole));
                    break;
            }
        }
        message.Message(OnnxFields.NodeAttribute, Numbers("kernel_shape", kernel.Skip(2)));
        if (stage.Groups != 1)
            message.Message(OnnxFields.NodeAttribute, new ProtobufWriter().Text(OnnxFields.AttributeName, "group").Number(OnnxFields.AttributeInt, stage.Groups).Number(OnnxFields.AttributeType, IntType));
        return message.ToArray();
    }

    /// <summary>The numbers of the sides that a convolution takes over, and what leaves the others alone; null where nothing is left to say.</summary>
    private long[]? Own(OnnxAttribute attribute, OnnxConvolution stage, int sides)
    {
        bool pads = attribute.Name == "pads";
        int none = pads || attribute.Name == "output_padding" ? 0 : 1;
        if (attribute.ReadInts(reader) is not { } numbers || numbers.Length != (pads ? 2 * sides : sides))
            throw reader.Invalid($"a convolution with a kernel of {sides} sides has other than {(pads ? 2 * sides : sides)} '{attribute.Name}'");
        for (int i = 0; i < numbers.Length; i++)
        {
            // Columns are the last side, a signal's only one; planes go with lines.
            if (!(i % sides < sides - 1 ? stage.TakesHeight : stage.TakesWidth))
                numbers[i] = none;
        }
        return numbers.All(n => n == none) ? null : numbers;
    }

    private static ProtobufWriter Numbers(string name, IEnumerable<long> numbers)
    {
        ProtobufWriter attribute = new ProtobufWriter().Text(OnnxFields.AttributeName, name);
        foreach (long number in numbers)
            attribute.Number(OnnxFields.AttributeInts, number);
        return attribute.Number(OnnxFields.AttributeType, IntsType);
    }
}
