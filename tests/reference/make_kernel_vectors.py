#!/usr/bin/env python3
"""Digests of what every operation must give, from canonical.py: tests/unit/kernels/kernel_vectors.inc.

Inputs are made by `values` and `ints` below, which tests/unit/kernels/kernel_inputs.h repeats in C++.
usage: make_kernel_vectors.py > ../unit/kernels/kernel_vectors.inc     (needs numpy)
"""
import numpy as np

import canonical as c

F, U = np.float32, np.uint64
np.seterr(all="ignore")


def mix(x):
    """the finaliser of SplitMix64"""
    x = np.asarray(x, U)
    x = (x ^ (x >> U(30))) * U(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> U(27))) * U(0x94D049BB133111EB)
    return x ^ (x >> U(31))


def words(seed, n):
    return mix(U(seed) * U(0x9E3779B97F4A7C15) + np.arange(1, n + 1, dtype=U))


def values(seed, n, kind="plain"):
    """f32: plain is in [-4, 4); wide has exponents -60..39; tiny is denormal or little more"""
    w = words(seed, n)
    if kind == "plain":
        return ((w >> U(40)).astype(np.int64) - 2 ** 23).astype(F) * F(2.0 ** -21)
    low, count = (67, 100) if kind == "wide" else (0, 4)
    exponent = U(low) + (w >> U(32)) % U(count)
    return (((w & U(1)) << U(31)) | (exponent << U(23)) | ((w >> U(8)) & U(0x7FFFFF))).astype(np.uint32).view(F)


def ints(seed, n, low, high):
    return low + (words(seed, n) % U(high - low + 1)).astype(np.int64)


def digest(*arrays):
    """sum of word * odd weight, over f32 bits or integers modulo 2^32"""
    w = np.concatenate([a.ravel().view(np.uint32) if a.dtype == F else a.ravel().astype(np.int64).astype(np.uint32)
                        for a in map(np.ascontiguousarray, arrays)]).astype(U)
    return int((w * (mix(np.arange(len(w), dtype=U)) | U(1))).sum(dtype=U))


def line(case, n, value):
    print(f'{{"{case}", {n}, 0x{value:016x}u}},')


def model(**fields):
    m = c.Model.__new__(c.Model)
    m.__dict__.update(fields)
    return m


def rows_and_norms():
    for n in (1, 2, 63, 64, 65, 130, 2560):
        for kind in ("plain", "wide", "tiny"):
            x, gamma = values(1, n, kind), values(2, n)
            line("rms_norm " + kind, n, digest(c.rms_norm(x, gamma, 1e-5)))
            q, d = c.quantise(x)
            line("quantise_row " + kind, n, digest(q, d, q.sum(keepdims=True)))
            u = values(3, n)
            r = np.maximum(x, F(0))
            line("relu2_gate " + kind, n, digest((r * r) * u))
            line("silu_gate " + kind, n, digest((x / (F(1) + c.exp_c(-x))) * u))
            line("cache_store " + kind, n, digest(np.clip(x, -65504, 65504).astype(np.float16).view(np.uint16)))


def products():
    for n in (65, 128, 200, 2560):
        x = values(4, 3 * n).reshape(3, n)
        codes = ints(5, 5 * n, -1, 1).reshape(5, n)
        line("ternary, one scale", n, digest(model().product(x, (codes, F(0.0123)))))
        line("ternary, row scales", n, digest(model().product(x, (codes, values(6, 5)))))
    for n, block in ((64, 64), (192, 64), (768, 64), (128, 128), (768, 128), (768, 256), (2560, 256)):
        x = values(4, 3 * n).reshape(3, n)
        codes = ints(5, 5 * n, -1, 1).reshape(5, n)
        line(f"ternary, blocks of {block}", n, digest(model().product(x, (codes, values(6, 5 * n // block).reshape(5, -1)))))
    for n in (1, 63, 64, 65, 130, 2560):
        for kind in ("plain", "wide"):
            x, w = values(7, n, kind), values(8, 5 * n, kind).reshape(5, n)
            line("dense F32 " + kind, n, digest(c.dot(w, x[None])))
            bf = (w.view(np.uint32) >> 16 << 16).view(F)
            line("dense BF16 " + kind, n, digest(c.dot(bf, x[None])))
        w = values(8, 5 * n).reshape(5, n).astype(np.float16).astype(F)
        line("dense F16 plain", n, digest(c.dot(w, values(7, n)[None])))
    # name, id, and where the f16 numbers of a block lie
    for name, t, halves in (("Q4_0", 2, [0]), ("Q4_1", 3, [0, 2]), ("Q5_0", 6, [0]), ("Q5_1", 7, [0, 2]), ("Q8_0", 8, [0]), ("Q2_K", 10, [80, 82]),
                            ("Q3_K", 11, [108]), ("Q4_K", 12, [0, 2]), ("Q5_K", 13, [0, 2]), ("Q6_K", 14, [208])):
        B, size = c.BLOCK[t]
        for n in (256, 768, 2560):
            raw = ints(9, 5 * n // B * size, 0, 255).astype(np.uint8).reshape(-1, size)
            for i, at in enumerate(halves):
                raw[:, at:at + 2] = (values(10 + 10 * i, len(raw)) * F(2.0 ** -8)).astype(np.float16).view(np.uint8).reshape(-1, 2)
            w = c.BlockTensor((n, 5), t, raw.ravel())
            for kind in ("plain", "wide", "tiny"):
                line(f"product {name} {kind}", n, digest(w.dot(values(11, n, kind))))
            line(f"rows {name}", n, digest(w.rows(np.arange(5)).astype(F)))


def attention():
    for interleaved in (False, True):
        x, cos, sin = values(12, 3 * 20).reshape(1, 3, 20), values(13, 6)[None], values(14, 6)[None]
        y = model(rot=12, interleaved=interleaved).rope(x, cos, sin)
        line("rope, " + ("adjacent" if interleaved else "halves"), 20, digest(y))
    for hd in (2, 20, 128):
        for n in (1, 5, 64, 255, 256, 257, 700):
            q = values(15, 2 * hd).reshape(2, hd)
            k = values(16, n * hd).astype(np.float16).astype(F).reshape(n, 1, hd).repeat(2, 1)
            v = values(17, n * hd).astype(np.float16).astype(F).reshape(n, 1, hd).repeat(2, 1)
            line(f"attention, {hd} a head", n, digest(model(hd=hd).attend(q, k, v)))


def exponential():
    total, step, at = 0, 257, 0
    for bits in np.array_split(np.arange(0, 2 ** 32, step, dtype=U), 64):
        y = c.exp_c(bits.astype(np.uint32).view(F))
        y = np.where(np.isnan(y), np.uint32(0x7FC00000), y.view(np.uint32)).astype(U)
        total += int((y * (mix(np.arange(at, at + len(bits), dtype=U)) | U(1))).sum(dtype=U)); at += len(bits)
    line("exp_c, step 257", at, total % 2 ** 64)


# Where exp_c first shows that one of its constants is a unit of the last place off (found by trying every float).
SENSITIVE = """
40d2b77c 40ff1402 414214ca 4115b844 412be687 4192f27c 3eb17219 3eb1721a 3eb1721d 3eb1721b 3eb1721c 3f31343f 3f313440 3f314243
3fb16aa0 3fb17d09 3fb17d0a 3e9989a3 3e9c46a4 3e9eaeab 3e68ce8e 3e730ea4 3e9c4aa8 3e043f0e 3e06d910 3e14aed3 3e2bb2a3 3e38e535
3e3ba67a 3d7425a0 3d9d166d 3da04341 3d8d0455 3d9a4fb1 3da95725 3c426e3d 3c57c56b 3c9558fd 3c8429f9 3c9af3d6 3ca9a223 39aa60ea
3a15e107 3a1878a6 3a277e4c 3a4001ff 3a4021f9"""


def sensitive_exponentials():
    for bits in SENSITIVE.split():
        y = c.exp_c(np.array([int(bits, 16)], np.uint32).view(F))
        print(f"{{0x{bits}u, 0x{y.view(np.uint32)[0]:08x}u}},")


def top():
    for n, k in ((1, 1), (300, 256), (5000, 256), (5000, 7)):
        logits = ints(18, n, -900, 900).astype(F) / F(64)          # many ties
        order = np.argsort(-logits, kind="stable")[:k]
        line(f"select_top of {k}", n, digest(order, logits[order]))


def main():
    print("// Made by tests/reference/make_kernel_vectors.py.\n#ifdef BN_DIGESTS  // case, n, digest")
    rows_and_norms()
    products()
    attention()
    top()
    exponential()
    print("#endif\n#ifdef BN_EXPONENTIALS  // x, exp_c(x)")
    sensitive_exponentials()
    print("#endif")


if __name__ == "__main__":
    main()
