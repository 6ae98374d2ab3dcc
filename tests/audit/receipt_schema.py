#!/usr/bin/env python3
"""Receipts of different runs against the schema that the library ships, by a validator that is not ours.

usage: receipt_schema.py TOOL MAKE_BAD_MODEL TESTDATA SCRATCH_FOLDER
At least 30 runs, each of which must give a receipt that is valid and that verify-receipt accepts. Receipts that are
damaged in one place must not be valid, or the schema would prove nothing.
"""
import copy
import json
import os
import random
import signal
import struct
import subprocess
import sys

import jsonschema

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
TINY = os.path.join(ROOT, "examples", "models", "tiny", "tiny.i2_s.gguf")
STORY = ["-p", "Once upon a time"]

POLICIES = {
    "attention": "{type: attention_scale, parameters: {scale_factor: 2, apply_to: all_layers}}",
    "layers": "{type: attention_scale, parameters: {scale_factor: 1.0883883, apply_to: [0, 2]}}",
    "not_needed": "{type: layernorm_scale, parameters: {target_rms: 1, layers: all}, "
                  "preconditions: [{rms_out_of_range: [0.001, 1000]}]}",
}


def write_checkpoint(folder):
    """A random model as SafeTensors with packed weights; its tokenizer is that of another file."""
    embd, ffn, heads, kv, head_dim, vocab = 128, 256, 2, 1, 64, 1536
    draw = random.Random(1)
    norm = lambda n: ("BF16", [n], b"".join(struct.pack("<f", 0.5 + draw.random())[2:] for _ in range(n)))
    tensors = {"model.embed_tokens.weight": ("F32", [vocab, embd], struct.pack(
        f"<{vocab * embd}f", *(draw.uniform(-1, 1) for _ in range(vocab * embd)))), "model.norm.weight": norm(embd)}

    def linear(name, rows, cols):
        # Row r of the packed matrix holds the codes of rows r, r + rows / 4, ... in two bits each.
        packed = bytes(sum(draw.randrange(3) << shift for shift in (0, 2, 4, 6)) for _ in range(rows // 4 * cols))
        tensors[name + ".weight"] = ("U8", [rows // 4, cols], packed)
        tensors[name + ".weight_scale"] = ("BF16", [1], b"\x00\x40")

    layer = "model.layers.0."
    for name, n in ("input_layernorm", embd), ("post_attention_layernorm", embd), ("mlp.ffn_sub_norm", ffn), (
            "self_attn.attn_sub_norm", heads * head_dim):
        tensors[layer + name + ".weight"] = norm(n)
    for name, rows, cols in ("self_attn.q_proj", heads * head_dim, embd), ("self_attn.k_proj", kv * head_dim, embd), (
            "self_attn.v_proj", kv * head_dim, embd), ("self_attn.o_proj", embd, heads * head_dim), (
            "mlp.gate_proj", ffn, embd), ("mlp.up_proj", ffn, embd), ("mlp.down_proj", embd, ffn):
        linear(layer + name, rows, cols)
    header, data = {}, b""
    for name in sorted(tensors):
        dtype, shape, raw = tensors[name]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    config = {"architectures": ["BitNetForCausalLM"], "model_type": "bitnet", "hidden_act": "relu2", "hidden_size": embd,
              "intermediate_size": ffn, "num_hidden_layers": 1, "num_attention_heads": heads, "num_key_value_heads": kv,
              "head_dim": head_dim, "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
              "tie_word_embeddings": True, "vocab_size": vocab, "torch_dtype": "bfloat16",
              "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear",
                                      "quantization_mode": "offline"}}
    os.makedirs(folder)
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)
    with open(os.path.join(folder, "model.safetensors"), "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + data)


def runs(tool, make_bad_model, testdata, scratch):
    """Yields (name, flags, environment, is corrected)."""
    yield "defaults", STORY, {}, False
    doctor = json.loads(subprocess.run([tool, "doctor", "--json"], capture_output=True, check=True).stdout)
    for target in doctor["targets"]:
        if target["available"]:
            yield f"target {target['name']}", [*STORY, "--target", target["name"]], {}, False
            yield f"target {target['name']} from the environment", STORY, {"BITNET_FORCE_TARGET": target["name"]}, False
    for threads in "2", "3":
        yield f"threads {threads}", [*STORY, "--threads", threads], {}, False
    for head in "full", "shortcut":
        yield f"head {head}", [*STORY, "--head", head], {}, False
    yield "kv f32", [*STORY, "--kv", "f32"], {}, False
    yield "chunk", [*STORY, "--chunk", "3"], {}, False
    yield "copied", [*STORY, "--load-mode", "copy"], {}, False
    yield "sampling", [*STORY, "--temp", "0.8", "--top-k", "40", "--top-p", "0.9", "--seed", "7"], {}, False
    yield "largest seed", [*STORY, "--temp", "1.5", "--min-p", "0.05", "--seed", str(2**64 - 1)], {}, False
    yield "penalty", [*STORY, "--repeat-penalty", "1.2", "--repeat-last-n", "8", "--temp", "0.1"], {}, False
    yield "seed of the environment", [*STORY, "--temp", "1"], {"BITNET_SEED": "18446744073709551615"}, False
    yield "ends by a stop text", [*STORY, "--stop", "e", "--stop", "\u00e9\U0001f600"], {}, False
    yield "ends by the context", [*STORY, "--ctx", "24", "-n", "100", "--ignore-eos"], {}, False
    yield "ends by a stop id", ["-p", "What is the capital of France?", "-n", "100"], {}, False
    yield "one token", [*STORY, "-n", "1"], {}, False
    yield "token ids", ["--tokens", "1,2,3"], {}, False
    yield "raw text", ["-p", "\u00e4\u4e2d\U0001f600\x01\"\\", "--template", "raw"], {}, False
    yield "a system part", [*STORY, "--system", "You are brief."], {}, False
    yield "no text", [*STORY, "--no-text"], {}, False
    yield "hash computed", [*STORY, "-m", TINY, "--no-hash-cache"], {}, False
    yield "in CI", STORY, {"CI": "true"}, False
    for name in sorted(os.listdir(testdata)):
        path = os.path.join(testdata, name)
        if name.startswith("tiny."):
            yield f"form {name}", [*STORY, "-m", path], {}, False
    folder = os.path.join(scratch, "checkpoint")
    write_checkpoint(folder)
    for what, path in ("folder", folder), ("file", os.path.join(folder, "model.safetensors")):
        yield f"safetensors {what}", ["--tokens", "1,2,3", "-m", path, "--tokenizer", TINY], {}, False
    for name, correction in POLICIES.items():
        path = os.path.join(scratch, f"{name}.yaml")
        with open(path, "w") as f:
            f.write(f"version: 1\npolicies:\n- name: {name}\n  fingerprint: {{type: metadata, architecture: bitnet-b1.58}}\n"
                    f"  corrections: [{correction}]\n")
        yield f"policy {name}", [*STORY, "--correction-policy", path, "--allow-corrections"], {}, True
    path = os.path.join(scratch, "other.yaml")
    with open(path, "w") as f:
        f.write("version: 1\npolicies:\n- name: other\n  fingerprint: {type: metadata, architecture: llama}\n"
                f"  corrections: [{POLICIES['attention']}]\n")
    yield "policy of another model", [*STORY, "--correction-policy", path, "--allow-corrections"], {}, True
    for kind in "scaled_layer", "quantised_norms":
        bad, fix = os.path.join(scratch, f"{kind}.gguf"), os.path.join(scratch, f"{kind}.yaml")
        subprocess.run([make_bad_model, TINY, kind, bad], check=True)
        subprocess.run([tool, "inspect", "--ln-stats", "--generate-policy", fix, bad], capture_output=True)
        yield f"repaired {kind}", [*STORY, "-m", bad, "--correction-policy", fix, "--allow-corrections"], {}, True
        if kind == "scaled_layer":
            yield f"raw {kind}", [*STORY, "-m", bad], {}, False
        else:
            yield f"raw {kind}", [*STORY, "-m", bad, "--allow-suspicious-norms"], {}, False


def clean_environment(more):
    keep = {k: v for k, v in os.environ.items() if not k.startswith("BITNET") and k != "CI"}
    return {**keep, **more}


def cancelled(tool, path):
    """A run that Ctrl-C ends after its first words."""
    command = [tool, "run", *STORY, "-n", "100000", "--ctx", "512", "--ignore-eos", "--target", "portable",
               "--threads", "1", "--receipt", path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=clean_environment({}))
    process.stdout.read(4)
    process.send_signal(signal.SIGINT)
    process.communicate()
    return process.returncode


def main():
    tool, make_bad_model, testdata, scratch = sys.argv[1:5]
    with open(os.path.join(ROOT, "src", "receipts", "receipt.schema.json")) as f:
        schema = json.load(f)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    failed, receipts, reasons = [], [], set()
    path = os.path.join(scratch, "receipt.json")

    def check(name, corrected):
        with open(path) as f:
            receipt = json.load(f)
        receipts.append(receipt)
        reasons.add(receipt["inference"]["stop_reason"])
        for error in validator.iter_errors(receipt):
            failed.append(f"{name}: {error.json_path}: {error.message}")
        command = [tool, "verify-receipt", path] + (["--allow-corrections"] if corrected else [])
        run = subprocess.run(command, capture_output=True, text=True, env=clean_environment({}))
        if run.returncode != 0:
            failed.append(f"{name}: verify-receipt: {run.stdout}{run.stderr}")

    for name, flags, environment, corrected in runs(tool, make_bad_model, testdata, scratch):
        length = [] if "-n" in flags else ["-n", "8"]
        if os.path.exists(path):
            os.remove(path)
        run = subprocess.run([tool, "run", *flags, *length, "--receipt", path], capture_output=True, text=True,
                             env=clean_environment(environment))
        if run.returncode != 0:
            failed.append(f"{name}: exit {run.returncode}: {run.stderr}")
            continue
        check(name, corrected)
    for _ in range(10):  # a run may be over before the signal comes
        os.remove(path)
        code = cancelled(tool, path)
        if code != 0:
            break
    if code == 130:
        check("cancelled", False)
    else:
        failed.append(f"cancelled: exit {code}")

    # Each required member away, each leaf of another type: never valid.
    n_damaged = 0

    def damage(node, whole):
        nonlocal n_damaged
        for key in list(node) if isinstance(node, dict) else range(len(node)):
            value = node[key]
            if isinstance(value, (dict, list)):
                damage(value, whole)
            node[key] = {"another": "type"} if not isinstance(value, dict) else 7
            n_damaged += 1
            if validator.is_valid(whole):
                failed.append(f"a receipt with {key} of another type is valid")
            node[key] = value

    whole = copy.deepcopy(receipts[0])
    damage(whole, whole)
    print(f"{len(receipts)} receipts, {n_damaged} damaged ones, ended by {', '.join(sorted(reasons))}")
    if len(receipts) < 30:
        failed.append("fewer than 30 receipts")
    if not reasons >= {"stop_id", "stop_string", "length", "context", "cancelled"}:
        failed.append(f"runs ended by {reasons} only")
    for line in failed:
        print("failed:", line)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
