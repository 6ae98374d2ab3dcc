#!/usr/bin/env python3
"""Converted files as the public `gguf` package reads them: gguf_package.py TOOL ORIGINAL SCRATCH

ORIGINAL is the Hugging Face folder of the tiny model. Checks every field and shape, the ternary weights of the TQ types
against those of packed SafeTensors, how far the embedding is from the original in each type, and the divisors that a llama3 scaling of RoPE becomes.
"""
import json
import pathlib
import struct
import subprocess
import sys

import gguf
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader

tool, original, scratch = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
config = json.loads((original / "config.json").read_text())

# The package does not know bitnet.cpp's type; 128 weights in 32 bytes, the tail of the tensor behind them.
I2_S = int.__new__(GGMLQuantizationType, 36)
I2_S._name_, I2_S._value_ = "I2_S", 36
GGMLQuantizationType._value2member_map_[36] = I2_S
GGML_QUANT_SIZES[I2_S] = (128, 32)


def run(*arguments):
    subprocess.run([tool, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def safetensors(path):
    data = path.read_bytes()
    (n,) = struct.unpack_from("<Q", data)
    return {name: (entry["dtype"], entry["shape"], data[8 + n + entry["data_offsets"][0]:8 + n + entry["data_offsets"][1]])
            for name, entry in json.loads(data[8:8 + n]).items() if name != "__metadata__"}


def value(reader, key):
    return reader.fields[key].contents()


masters = safetensors(original / "model.safetensors")
bits = np.frombuffer(masters["model.embed_tokens.weight"][2], np.uint16).astype(np.uint32) << 16
embedding = bits.view(np.float32).reshape(config["vocab_size"], config["hidden_size"])

run("export", "--safetensors", "packed", original, scratch / "packed", "--quiet")
packed = safetensors(scratch / "packed" / "model.safetensors")

n_checked = 0
errors = {}
shape = {"attn_q": ("hidden_size", "hidden_size"), "ffn_down": ("hidden_size", "intermediate_size"),
         "ffn_up": ("intermediate_size", "hidden_size")}
names = {"attn_q": "self_attn.q_proj", "ffn_down": "mlp.down_proj", "ffn_up": "mlp.up_proj"}
for ternary, file_type in (("i2_s", 40), ("tq1_0", 36), ("tq2_0", 37)):
    for embed in ("f16", "bf16", "q8_0", "q6_k"):
        path = scratch / f"{ternary}.{embed}.gguf"
        run("convert", original, path, "--type", ternary, "--embed", embed, "--quiet")
        reader = GGUFReader(path)
        a = value(reader, "general.architecture")
        assert a == "bitnet-b1.58", a
        assert value(reader, "general.file_type") == file_type
        for key, expected in (("vocab_size", "vocab_size"), ("embedding_length", "hidden_size"),
                              ("block_count", "num_hidden_layers"), ("feed_forward_length", "intermediate_size"),
                              ("attention.head_count", "num_attention_heads"),
                              ("attention.head_count_kv", "num_key_value_heads"),
                              ("context_length", "max_position_embeddings")):
            assert value(reader, f"{a}.{key}") == config[expected], key
        for key in ("tokens", "token_type"):
            assert len(value(reader, f"tokenizer.ggml.{key}")) == config["vocab_size"], key
        assert value(reader, "tokenizer.ggml.model") == "gpt2"
        assert value(reader, "tokenizer.ggml.pre") == "llama-bpe"
        assert value(reader, "tokenizer.ggml.add_bos_token") is True
        assert value(reader, "tokenizer.ggml.bos_token_id") == config["bos_token_id"]
        assert value(reader, "tokenizer.ggml.eos_token_id") == config["eos_token_id"]
        assert "{% for m in messages %}" in value(reader, "tokenizer.chat_template")
        tensors = {t.name: t for t in reader.tensors}
        assert len(tensors) == len(reader.tensors) == 2 + 11 * config["num_hidden_layers"]
        end = path.stat().st_size
        for t in tensors.values():
            assert t.data_offset % 32 == 0 and t.data_offset + t.n_bytes <= end, t.name
            if t.name.endswith("norm.weight"):
                assert t.tensor_type == GGMLQuantizationType.F32
                hf = "model.norm.weight" if t.name == "output_norm.weight" else None
                if hf:
                    norm = np.frombuffer(masters[hf][2], np.uint16).astype(np.uint32) << 16
                    assert np.array_equal(np.asarray(t.data), norm.view(np.float32))
            n_checked += 1
        for part, (rows, cols) in shape.items():
            t = tensors[f"blk.1.{part}.weight"]
            assert list(t.shape) == [config[cols], config[rows]], t.name
            if ternary == "i2_s":
                continue
            w = gguf.quants.dequantize(t.data, t.tensor_type).reshape(config[rows], config[cols])
            p = np.frombuffer(packed[f"model.layers.1.{names[part]}.weight"][2], np.uint8).reshape(-1, config[cols])
            codes = np.concatenate([(p >> (2 * i)) & 3 for i in range(4)]).astype(np.int8) - 1
            assert np.array_equal(np.sign(w).astype(np.int8), codes), t.name
        t = tensors["token_embd.weight"]
        assert list(t.shape) == [config["hidden_size"], config["vocab_size"]]
        assert t.tensor_type.name == embed.upper(), t.tensor_type
        found = gguf.quants.dequantize(t.data, t.tensor_type).reshape(embedding.shape)
        errors[embed] = float(np.sqrt(np.mean((found.astype(np.float64) - embedding) ** 2)))



def llama3_frequencies(head_dim, base, factor, low, high, n_ctx):
    """The formula of _compute_llama3_parameters in transformers' modeling_rope_utils.py, in binary64."""
    plain = base ** -(np.arange(0, head_dim, 2) / head_dim)
    turns = n_ctx * plain / (2 * np.pi)  # of a pair over the original context
    smooth = (turns - low) / (high - low)
    return np.select([turns < low, turns > high], [plain / factor, plain], (1 - smooth) * plain / factor + smooth * plain)


head_dim = config.get("head_dim", config["hidden_size"] // config["num_attention_heads"])
for i, (base, factor, low, high, n_ctx) in enumerate(((500000.0, 8.0, 1.0, 4.0, 8192), (500000.0, 32.0, 1.0, 4.0, 8192), (10000.0, 3.5, 0.25, 20.0, 300))):
    folder = scratch / f"llama3_{i}"
    folder.mkdir()
    for file in original.iterdir():
        if file.name != "config.json":
            (folder / file.name).symlink_to(file.resolve())
    scaling = {"rope_type": "llama3", "factor": factor, "low_freq_factor": low, "high_freq_factor": high, "original_max_position_embeddings": n_ctx}
    (folder / "config.json").write_text(json.dumps({**config, "rope_theta": base, "rope_scaling": scaling}))
    run("convert", folder, folder / "model.gguf", "--quiet")
    divisors = {t.name: t.data for t in GGUFReader(folder / "model.gguf").tensors}["rope_freqs.weight"].astype(np.float64)
    expected = llama3_frequencies(head_dim, base, factor, low, high, n_ctx)
    found = base ** -(np.arange(0, head_dim, 2) / head_dim) / divisors
    between = np.count_nonzero((divisors > 1) & (divisors < np.float32(factor)))
    assert divisors.shape == expected.shape and between > 0, (divisors, between)
    assert np.max(np.abs(found / expected - 1)) < 2.0 ** -23, (found / expected - 1)  # divisors are f32

# The package's own quantiser, where it has one.
q8 = gguf.quants.dequantize(gguf.quants.quantize(embedding, GGMLQuantizationType.Q8_0), GGMLQuantizationType.Q8_0)
public_q8 = float(np.sqrt(np.mean((q8.astype(np.float64) - embedding) ** 2)))
print("rms errors of the embedding:", {k: f"{v:.6g}" for k, v in errors.items()}, f"public q8_0: {public_q8:.6g}")
assert errors["f16"] == 0 and errors["bf16"] == 0
assert errors["q8_0"] <= public_q8
# The package has none for Q6_K: what ggml's own quantiser (quantize_row_q6_K_ref) leaves on this embedding.
PUBLIC_Q6_K = 0.00217301906
assert errors["q6_k"] <= PUBLIC_Q6_K, (errors["q6_k"], PUBLIC_Q6_K)
assert n_checked > 100
print(n_checked, "tensors checked")
