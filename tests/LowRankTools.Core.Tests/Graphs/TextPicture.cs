namespace LowRankTools.Core.Tests.Graphs;

/// <summary>A line of text drawn by code: black letters of 5 x 7 squares on white, as a recognizer reads it, (3, height, width) from -1 to 1.</summary>
internal static class TextPicture
{
    public const int Height = 48;

    private const int Square = 4, Rows = 7, Columns = 5, Top = 10, Left = 8;

    // One number a row, one bit a column from the left.
    private static readonly Dictionary<char, byte[]> s_glyphs = new()
    {
        ['A'] = [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        ['C'] = [0b01110, 0b10001, 0b10000, 0b10000, 0b10000, 0b10001, 0b01110],
        ['F'] = [0b11111, 0b10000, 0b10000, 0b11110, 0b10000, 0b10000, 0b10000],
        ['K'] = [0b10001, 0b10010, 0b10100, 0b11000, 0b10100, 0b10010, 0b10001],
        ['L'] = [0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b10000, 0b11111],
        ['N'] = [0b10001, 0b11001, 0b10101, 0b10101, 0b10011, 0b10001, 0b10001],
        ['O'] = [0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110],
        ['R'] = [0b11110, 0b10001, 0b10001, 0b11110, 0b10100, 0b10010, 0b10001],
        ['T'] = [0b11111, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100, 0b00100],
        ['W'] = [0b10001, 0b10001, 0b10001, 0b10101, 0b10101, 0b11011, 0b10001],
        ['4'] = [0b00010, 0b00110, 0b01010, 0b10010, 0b11111, 0b00010, 0b00010],
        ['8'] = [0b01110, 0b10001, 0b10001, 0b01110, 0b10001, 0b10001, 0b01110],
    };

    public static float[] Of(string text, int width)
    {
        float[] plane = new float[Height * width];
        Array.Fill(plane, 1);
        int left = Left;
        foreach (char letter in text)
        {
            if (letter == ' ')
            {
                left += 4 * Square;
                continue;
            }
            for (int i = 0; i < Rows * Square; i++)
            {
                for (int j = 0; j < Columns * Square; j++)
                {
                    if ((s_glyphs[letter][i / Square] >> (Columns - 1 - j / Square) & 1) == 1)
                        plane[(Top + i) * width + left + j] = -1;
                }
            }
            left += (Columns + 1) * Square;
        }
        return [.. plane, .. plane, .. plane];
    }
}
