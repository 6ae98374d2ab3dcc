#!/usr/bin/env python3
"""Random models of every graph and type: the tool's `prompt_logits_sha256` must be that of the twin in tests/reference.

usage: random_models.py TOOL SCRATCH_FOLDER [SEEDS]
Every architecture occurs with every ternary type, embedding and output, and each special case of the graph. With SEEDS: every triple of architecture,
ternary type and output, with so many seeds each.
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
TERNARY = ["i2_s", "tq1_0", "tq2_0", "tq1_0 --block-scales", "tq2_0 --block-scales", "iq1_bn", "iq2_bn", "iq2_bn_r4", "q1_0 --block-scales", "q2_0",
           "q2_0 --block-scales", "q2_0_long --block-scales", "f32", "f16", "bf16"]
BLOCKS = ["q4_0", "q4_1", "q5_0", "q5_1", "q8_0", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k"]
EMBEDDINGS = ["f32", "f16", "bf16", *BLOCKS]
OUTPUTS = ["none", "f16", *BLOCKS]
SPECIAL = [
    "--ternary i2_s --embed f32 --hot", "--ternary i2_s --embed f16 --hot --ffn 1024", "--ternary i2_s --bias",
    "--ternary i2_s --embed f32 --bias --hot", "--ternary i2_s --rope-linear 4", "--ternary i2_s --rope-dim 32",
    "--ternary i2_s --rope-freqs", "--ternary i2_s --rope-freqs --rope-linear 2.5 --rope-dim 48 --theta 500000",
    "--ternary i2_s --head-dim 96 --heads 4", "--ternary i2_s --head-dim 128 --heads 2 --kv 1",
    "--ternary i2_s --embed f32 --head-dim 64 --heads 6 --kv 3", "--ternary i2_s --embd 384 --ffn 640 --heads 6 --kv 6",
    "--arch llama --ternary i2_s --rope-dim 32 --rope-freqs", "--arch llama --ternary tq2_0 --bias",
    "--ternary f64 --embed f64 --output f64", "--arch bitnet --ternary i2_s --scale-tensors --bias", "--arch bitnet --ternary tq2_0 --block-scales --scale-tensors",
]


SPECIAL += [f"--ternary i2_s --others {t}" for t in ("f16", "f32", "f64", *BLOCKS)]          # needs allow_dense_linears
SPECIAL += ["--ternary q2_0 --block-scales --embd 192 --ffn 320 --heads 3 --kv 1 --embed q4_1"]      # half a packed block at the end of each row


def selection():
    for (a, arch), (t, ternary) in itertools.product(enumerate(ARCHITECTURES), enumerate(TERNARY)):
        embed, output = EMBEDDINGS[(2 * t + 5 * a) % len(EMBEDDINGS)], OUTPUTS[(t + 4 * a) % len(OUTPUTS)]
        scale = " --scale-tensors" if arch == "bitnet" and t % 2 and ternary not in ("f32", "f16", "bf16") else ""
        yield f"--arch {arch} --ternary {ternary} --embed {embed} --output {output}{scale}"
    yield from SPECIAL


def every_triple(seeds):
    for arch, ternary, output in itertools.product(ARCHITECTURES, TERNARY, OUTPUTS):
        for seed in range(seeds):
            yield f"--arch {arch} --ternary {ternary} --embed {EMBEDDINGS[(OUTPUTS.index(output) + seed) % len(EMBEDDINGS)]} --output {output} --layers 1"


def make(path, options, seed):
    sys.argv = ["make_random_model.py", path, "--layers", "2", "--vocab", "320", "--seed", str(seed), *options.split()]
    make_random_model.main()


def expected(path, ids, kv):
    prompt, _, _ = canonical.Model(path).run(ids, 0, kv)
    return hashlib.sha256(prompt.astype("<f4").tobytes()).hexdigest()


def found(tool, path, ids, kv, n, others):
    command = [tool, "logits", "--json", "--model", path, "--tokens", ",".join(map(str, ids)), "--kv", kv,
               "--threads", str(1 + n % 3), "--chunk", str((1, 4, 64)[n // 3 % 3])]
    if others:
        command.append("--allow-dense-linears")
    run = subprocess.run(command, capture_output=True, text=True)
    return json.loads(run.stdout)["prompt_logits_sha256"] if run.returncode == 0 else f"exit {run.returncode}: {run.stderr.strip()}"


def main():
    tool, scratch = sys.argv[1:3]
    models = every_triple(int(sys.argv[3])) if len(sys.argv) > 3 else selection()
    rng = np.random.Generator(np.random.PCG64(158))
    n_models, differing = 0, []
    for n, options in enumerate(models):
        path = os.path.join(scratch, "model.gguf")
        make(path, options, seed=n + 1)
        n_tokens = 270 if options == SPECIAL[4] else 7  # once more than one block of keys
        ids = [int(i) for i in rng.integers(0, 320, n_tokens)]
        kv = ("f16", "f32")[n % 2]
        ours, twin = found(tool, path, ids, kv, n, "--others" in options), expected(path, ids, kv)
        n_models += 1
        if ours != twin:
            differing.append(options)
            print(f"DIFFERS: {options} --seed {n + 1}, {kv}: tool {ours}, twin {twin}")
    print(f"{n_models} random models, {len(differing)} differ")
    sys.exit(bool(differing) or n_models < 40)


if __name__ == "__main__":
    main()
