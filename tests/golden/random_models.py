#!/usr/bin/env python3
"""Random models of every graph and type: the tool's `prompt_logits_sha256` must be that of the twin in tests/reference.

usage: random_models.py TOOL SCRATCH_FOLDER
Every pair of values of architecture, ternary type, embedding and output occurs, and each special case of the graph.
"""
import hashlib
import itertools
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "reference"))
import canonical
import make_random_model
import numpy as np

ARCHITECTURES = ["bitnet-b1.58", "bitnet", "llama"]
TERNARY = ["i2_s", "tq1_0", "tq2_0", "tq1_0 --block-scales", "tq2_0 --block-scales"]
EMBEDDINGS = ["f32", "f16", "bf16", "q8_0", "q6_k"]
OUTPUTS = ["none", "f16", "q8_0", "q6_k"]
SPECIAL = [
    "--ternary i2_s --embed f32 --hot", "--ternary i2_s --embed f16 --hot --ffn 1024", "--ternary i2_s --bias",
    "--ternary i2_s --embed f32 --bias --hot", "--ternary i2_s --rope-linear 4", "--ternary i2_s --rope-dim 32",
    "--ternary i2_s --rope-freqs", "--ternary i2_s --rope-freqs --rope-linear 2.5 --rope-dim 48 --theta 500000",
    "--ternary i2_s --head-dim 96 --heads 4", "--ternary i2_s --head-dim 128 --heads 2 --kv 1",
    "--ternary i2_s --embed f32 --head-dim 64 --heads 6 --kv 3", "--ternary i2_s --embd 384 --ffn 640 --heads 6 --kv 6",
    "--arch llama --ternary i2_s --rope-dim 32 --rope-freqs", "--arch llama --ternary tq2_0 --bias",
    "--arch bitnet --ternary i2_s --scale-tensors --bias", "--arch bitnet --ternary tq2_0 --block-scales --scale-tensors",
]


def selection():
    for (a, arch), (t, ternary), (o, output) in itertools.product(*map(enumerate, (ARCHITECTURES, TERNARY, OUTPUTS))):
        embed = EMBEDDINGS[(t + o + 2 * a) % len(EMBEDDINGS)]  # so that every pair occurs
        scale = " --scale-tensors" if arch == "bitnet" and o % 2 else ""
        yield f"--arch {arch} --ternary {ternary} --embed {embed} --output {output}{scale}"
    yield from SPECIAL


def make(path, options, seed):
    sys.argv = ["make_random_model.py", path, "--layers", "2", "--vocab", "320", "--seed", str(seed), *options.split()]
    make_random_model.main()


def expected(path, ids, kv):
    prompt, _, _ = canonical.Model(path).run(ids, 0, kv)
    return hashlib.sha256(prompt.astype("<f4").tobytes()).hexdigest()


def found(tool, path, ids, kv, n):
    command = [tool, "logits", "--json", "--model", path, "--tokens", ",".join(map(str, ids)), "--kv", kv,
               "--threads", str(1 + n % 3), "--chunk", str((1, 4, 64)[n // 3 % 3])]
    run = subprocess.run(command, capture_output=True, text=True)
    return json.loads(run.stdout)["prompt_logits_sha256"] if run.returncode == 0 else f"exit {run.returncode}: {run.stderr.strip()}"


def main():
    tool, scratch = sys.argv[1:3]
    rng = np.random.Generator(np.random.PCG64(158))
    n_models, differing = 0, []
    for n, options in enumerate(selection()):
        path = os.path.join(scratch, "model.gguf")
        make(path, options, seed=n + 1)
        n_tokens = 270 if options == SPECIAL[4] else 7  # once more than one block of keys
        ids = [int(i) for i in rng.integers(0, 320, n_tokens)]
        kv = ("f16", "f32")[n % 2]
        ours, twin = found(tool, path, ids, kv, n), expected(path, ids, kv)
        n_models += 1
        if ours != twin:
            differing.append(options)
            print(f"DIFFERS: {options} --seed {n + 1}, {kv}: tool {ours}, twin {twin}")
    print(f"{n_models} random models, {len(differing)} differ")
    sys.exit(bool(differing) or n_models < 40)


if __name__ == "__main__":
    main()
