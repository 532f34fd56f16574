# Prints src/LowRankTools.Core/Text/NormalForms.txt from the Unicode data of this Python: canonical classes as ":class first last", then what each
# character decomposes into, "~" before compatibility and "!" before canonical ones that are never composed again.
import sys
import unicodedata

print(f"# Unicode {unicodedata.unidata_version}: classes, decompositions; made by normal_forms.py")
points = [c for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
start = None
for c in points + [None]:
    kind = unicodedata.combining(chr(c)) if c is not None else 0
    if start and (c is None or kind != start[1] or c != last + 1):
        print(f":{start[1]} {start[0]:X} {last:X}")
        start = None
    if kind and not start:
        start = (c, kind)
    last = c
for c in points:
    text = unicodedata.decomposition(chr(c))
    if not text:
        continue
    parts = text.split()
    if parts[0].startswith("<"):
        mark, parts = "~", parts[1:]
    else:
        mark = "" if unicodedata.normalize("NFC", chr(c)) == chr(c) else "!"
    print(f"{c:X} {mark}{' '.join(p.lstrip('0') for p in parts)}")
