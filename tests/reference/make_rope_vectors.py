#!/usr/bin/env python3
"""RoPE frequencies, cosines and sines, correctly rounded: tests/unit/kernels/rope_vectors.inc.

Frequencies are computed in decimal with 60 digits, cosines and sines with mpmath at 1,400 bits.
usage: make_rope_vectors.py > ../unit/kernels/rope_vectors.inc     (needs mpmath, numpy)
"""
import decimal
import random
import struct

import mpmath
import numpy as np

from make_kernel_vectors import digest

mpmath.mp.prec = 1400
decimal.getcontext().prec = 60
F = np.float32


def bits64(x):
    return struct.unpack("<Q", struct.pack("<d", x))[0]


def bits32(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def to_f32(y):
    """an mpmath value to nearest binary32; denormals keep 149 bits behind the point"""
    if y == 0:
        return F(0)
    places = 23 - max(int(mpmath.floor(mpmath.log(abs(y), 2))), -126)
    return F(float(mpmath.nint(y * mpmath.mpf(2) ** places)) * 2.0 ** -places) if places < 1000 else F(0)


def inv_freq(base, k, rot):
    return float((decimal.Decimal(float(base)).ln() * (decimal.Decimal(-k) / decimal.Decimal(rot))).exp())


def near_midpoint(y):
    """distance of y to the nearest midpoint of binary32, relative"""
    e = int(mpmath.floor(mpmath.log(abs(y), 2)))
    scaled = abs(y) * mpmath.mpf(2) ** (23 - e)
    return abs(scaled - mpmath.floor(scaled) - 0.5) * mpmath.mpf(2) ** (e - 23) / abs(y)


def hard_angles():
    """binary64 whose sine or cosine is within 2^-62 of a midpoint, found near the tops, where it moves slowly"""
    rng, found = random.Random(1), []
    with mpmath.workprec(200):
        while len(found) < 48:
            middle = mpmath.mpf(1) - (2 * rng.randrange(2 ** 12) + 1) * mpmath.mpf(2) ** -25
            turn = 2 * mpmath.pi * rng.choice([0, 0, 1, 5, 100])
            x = float(turn + (mpmath.asin(middle) if rng.random() < 0.5 else mpmath.acos(middle)))
            if min(near_midpoint(mpmath.sin(x)), near_midpoint(mpmath.cos(x))) < mpmath.mpf(2) ** -62:
                found.append(x)
    return found


def angles():
    yield from hard_angles()
    rng = random.Random(2)
    yield from (0.0, 5e-324, 1e-310, 1e-45, 7.0e-46, 2.0 ** -149, 1.5 * 2.0 ** -149, 2.0 ** -126, 2.0 ** -27, 2.0 ** -12)
    for e in (-120, -60, -40, -28, -27, -26, -13, -12, -11):       # binary64 that are midpoints, or next to one
        middle = (2 ** 24 + 2 * rng.randrange(2 ** 23) + 1) * 2.0 ** (e - 24)
        yield from (float(np.nextafter(middle, 0)), middle, float(np.nextafter(middle, 2)))
    yield 6381956970095103 * 2.0 ** 797                            # the binary64 nearest to a multiple of pi / 2
    for k in (1, 2, 3, 4, 5, 1000, 636619, 2 ** 30 + 1):           # the nearest to small multiples
        yield float(k * mpmath.pi / 2)
        yield float(k * mpmath.pi / 4)
    for e in (0, 1, 10, 19, 20, 22, 30, 51, 52, 53, 54, 55, 63, 64, 65, 100, 500, 1000, 1022, 1023):
        yield (1 + rng.random()) * 2.0 ** e
    yield from (1e6, 1e22, 1.7976931348623157e308)


def main():
    print("// Made by tests/reference/make_rope_vectors.py.\n#ifdef BN_FREQUENCIES  // base, rot, factor, with rope_freqs, digest")
    for base in (10000.0, 500000.0, 1e6, 10.5, 1.0, 2.0, 65536.0, 0.7, 1e-38, 3e38, 1000000.0625, 10000.01):
        base = float(F(base))
        for rot, factor, freqs in ((128, 1.0, False), (2, 1.0, False), (80, 1.0, False), (254, 1.0, False), (128, 4.0, True), (96, 2.5, False)):
            out = []
            for k in range(0, rot, 2):
                f = inv_freq(base, k, rot)
                if freqs:
                    f = f / float(F(1 + k / 7))
                out.append(bits64(f / factor))
            halves = np.array([h for b in out for h in (b & 0xFFFFFFFF, b >> 32)], np.int64)
            print(f"{{{base!r}, {rot}, {factor}, {str(freqs).lower()}, 0x{digest(halves):016x}u}},")
    print("#endif\n#ifdef BN_ANGLES  // angle, cos, sin")
    for x in angles():
        print(f"{{0x{bits64(x):016x}u, 0x{bits32(to_f32(mpmath.cos(x))):08x}u, 0x{bits32(to_f32(mpmath.sin(x))):08x}u}},")
    print("#endif\n#ifdef BN_TABLE_ROWS  // base, position, digest of 64 cosines and sines")
    with mpmath.workprec(300):
        for base in (10000.0, 500000.0):
            frequencies = [inv_freq(base, k, 128) for k in range(0, 128, 2)]
            for position in [*range(8), *range(31, 4096, 97), 4095, 131071, 999999, 1000000, 8388607]:
                cos, sin = zip(*((to_f32(mpmath.cos(position * f)), to_f32(mpmath.sin(position * f))) for f in frequencies))
                print(f"{{{base}, {position}, 0x{digest(np.array(cos, F), np.array(sin, F)):016x}u}},")
    print("#endif")


if __name__ == "__main__":
    main()
