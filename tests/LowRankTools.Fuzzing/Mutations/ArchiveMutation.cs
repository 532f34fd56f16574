namespace LowRankTools.Fuzzing.Mutations;

/// <summary>
/// Damages a PyTorch archive: its pickles with lengths and checksums put right again, its records, or one number of
/// its headers and directory.
/// </summary>
internal static class ArchiveMutation
{
    public static byte[]? Apply(Random random, byte[] bytes, byte[] other, out string step)
    {
        step = "";
        if (ZipParts.Read(bytes) is not { } zip)
            return null;
        zip.Wide = random.Next(4) == 0;
        switch (random.Next(6))
        {
            case 0 or 1:
                return Pickle(random, zip, other, out step);
            case 2 or 3:
                return Lie(random, zip, bytes.Length, out step);
            case 4:
                ZipParts.Record taken = random.Pick((ZipParts.Read(other) ?? zip).Records);
                int at = random.Next(zip.Records.Count + 1);
                step = $"record {taken.Name} of another archive put at {at}";
                zip.Records.Insert(at, taken);
                return zip.ToArray();
            default:
                return Records(random, zip, out step);
        }
    }

    private static byte[]? Pickle(Random random, ZipParts zip, byte[] other, out string step)
    {
        step = "";
        int[] pickles = [.. Enumerable.Range(0, zip.Records.Count).Where(i => zip.Records[i].Name.EndsWith(".pkl", StringComparison.Ordinal))];
        if (pickles.Length == 0)
            return null;
        int which = random.Pick(pickles);
        byte[] donor = ZipParts.Read(other)?.Records.Find(r => r.Name.EndsWith("data.pkl", StringComparison.Ordinal))?.Data ?? zip.Records[which].Data;
        byte[]? changed = PickleMutation.Apply(random, zip.Records[which].Data, donor, out step);
        if (changed is null)
            return null;
        zip.Records[which] = zip.Records[which] with { Data = changed };
        return zip.ToArray();
    }

    private static byte[] Lie(Random random, ZipParts zip, int length, out string step)
    {
        int count = 0;
        zip.ToArray((_, value) => { count++; return value; });
        int which = random.Next(count), seen = 0;
        ulong number = random.Boundary(0, length);
        bool near = random.Next(2) == 0;
        string said = "";
        byte[] lying = zip.ToArray((name, value) =>
        {
            if (seen++ != which)
                return value;
            ulong now = near ? value + number % 64 - 32 : number;
            said = $"{name} {value} made {now}{(zip.Wide ? ", zip64" : "")}";
            return now;
        });
        step = said;
        return lying;
    }

    private static byte[] Records(Random random, ZipParts zip, out string step)
    {
        int at = random.Next(zip.Records.Count);
        ZipParts.Record record = zip.Records[at];
        switch (random.Next(5))
        {
            case 0:
                step = $"record {record.Name} gone";
                zip.Records.RemoveAt(at);
                break;
            case 1:
                step = $"record {record.Name} twice";
                zip.Records.Add(record);
                break;
            case 2:
                string name = random.Pick(Choices.Names);
                step = $"record {record.Name} called '{name}'";
                zip.Records[at] = record with { Name = name };
                break;
            case 3:
                int length = random.Next(record.Data.Length + 8);
                step = $"record {record.Name} made {length} bytes long";
                byte[] data = record.Data;
                Array.Resize(ref data, length);
                zip.Records[at] = record with { Data = data };
                break;
            default:
                int with = random.Next(zip.Records.Count);
                step = $"records {record.Name} and {zip.Records[with].Name} exchanged";
                (zip.Records[at], zip.Records[with]) = (record with { Data = zip.Records[with].Data }, zip.Records[with] with { Data = record.Data });
                break;
        }
        return zip.ToArray();
    }
}
