#!/usr/bin/env python3
"""Looks at the PNG of `budget check --chart`: how high each bar of the days is, and which rows a limit's line is in.

    pixels.py FILE.png      prints {"width", "height", "bars": [pixels...], "limit_rows": rows, "limit_share": of the width}

Decodes PNG by RFC 2083 (8 bits a channel, RGB or RGBA, not interlaced); nothing but Python's own library.
"""
import json
import struct
import sys
import zlib


def decode(data):
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    at, raw = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        assert zlib.crc32(kind + body) == struct.unpack(">I", data[at + 8 + size:at + 12 + size])[0]
        if kind == b"IHDR":
            width, height, depth, colour, _, _, interlace = struct.unpack(">IIBBBBB", body)
            assert depth == 8 and colour in (2, 6) and interlace == 0
        elif kind == b"IDAT":
            raw += body
        at += 12 + size
    step = 3 if colour == 2 else 4
    raw, rows, last = zlib.decompress(raw), [], bytes(width * step)
    for y in range(height):
        line = raw[y * (width * step + 1):(y + 1) * (width * step + 1)]
        row = bytearray(line[1:])
        for i in range(len(row)):
            a = row[i - step] if i >= step else 0
            b, c = last[i], last[i - step] if i >= step else 0
            if line[0] == 1:
                row[i] = (row[i] + a) & 255
            elif line[0] == 2:
                row[i] = (row[i] + b) & 255
            elif line[0] == 3:
                row[i] = (row[i] + (a + b) // 2) & 255
            elif line[0] == 4:
                p = a + b - c
                pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
                row[i] = (row[i] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
        rows.append([tuple(row[x * step:x * step + 3]) for x in range(width)])
        last = bytes(row)
    return width, height, rows


def near(pixel, colour, by=60):
    return all(abs(p - c) <= by for p, c in zip(pixel, colour))


def main():
    with open(sys.argv[1], "rb") as file:
        width, height, rows = decode(file.read())
    bars, inside = [], False
    for x in range(width):
        high = sum(near(rows[y][x], (0x1A, 0x80, 0xBA), 40) for y in range(height * 6 // 10, height))
        if high > 1 and inside:
            bars[-1] = max(bars[-1], high)
        elif high > 1:
            bars.append(high)
        inside = high > 1
    reds = [sum(near(p, (0xD5, 0x5E, 0x00)) for p in rows[y]) for y in range(height * 6 // 10)]
    lines = [n for n in reds if n > width * 4 // 10]
    print(json.dumps({"width": width, "height": height, "bars": bars, "limit_rows": len(lines),
                      "limit_share": max(lines, default=0) / width}))


if __name__ == "__main__":
    main()
