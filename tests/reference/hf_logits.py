#!/usr/bin/env python3
"""BitNetForCausalLM of Hugging Face `transformers`, in f32, against this library.

usage: hf_logits.py compare TOOL MODEL.gguf GOLDEN_FOLDER SCRATCH [MASTER_FOLDER]
       hf_logits.py write MASTER_FOLDER GOLDEN_FOLDER

compare: a folder of master weights is made from the ternary codes of MODEL.gguf (or MASTER_FOLDER is taken), both
programs run it, and at every position of four golden prompts the cosine of their logits must reach 0.9999; of the 32
greedy tokens after each, those must be the same whose logit is more than 0.01 above the next.
write: the reference's logits of these prompts and its greedy tokens, for the test that needs no Python.

Needs numpy, torch, transformers, accelerate, safetensors. Made with torch 2.15.0 and transformers 5.24.0.
"""
import json
import os
import shutil
import subprocess
import sys

os.environ["TORCH_COMPILE_DISABLE"] = "1"  # the activation quantiser would be compiled otherwise; the numbers agree
os.environ["HF_HUB_OFFLINE"] = "1"
import numpy as np
import torch
import transformers

N_GREEDY = 32
PROMPTS = ("story", "sum", "sky", "two_turns")
MIN_COSINE = 0.9999
MIN_MARGIN = 1e-2
PARTS = {"attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
         "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj", "attn_sub_norm": "self_attn.attn_sub_norm",
         "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
         "ffn_down": "mlp.down_proj", "ffn_sub_norm": "mlp.ffn_sub_norm"}


def hf_name(name):
    top = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in top:
        return top[name]
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{PARTS[part]}.weight"


def make_master(gguf, folder):
    """Weights that ternarise to the codes of the file with its scales: the mean of their magnitudes is the scale."""
    import reference
    from safetensors.numpy import save_file
    m = reference.Model(gguf)
    tensors = {}
    for name, (codes, scale, dense) in m.t.items():
        w = dense if codes is None else codes * (scale / np.mean(codes != 0))
        tensors[hf_name(name)] = np.ascontiguousarray(w.astype(np.float32))
    os.makedirs(folder)
    save_file(tensors, os.path.join(folder, "model.safetensors"), metadata={"format": "pt"})
    config = {
        "architectures": ["BitNetForCausalLM"], "model_type": "bitnet", "hidden_act": "relu2", "hidden_size": m.n_embd,
        "intermediate_size": tensors["model.layers.0.mlp.up_proj.weight"].shape[0], "num_hidden_layers": m.n_layer,
        "num_attention_heads": m.n_head, "num_key_value_heads": m.n_kv, "head_dim": m.hd,
        "max_position_embeddings": m.kv[m.arch + ".context_length"], "rms_norm_eps": float(np.float32(m.eps)),
        "rope_theta": float(m.base), "tie_word_embeddings": True, "vocab_size": tensors["model.embed_tokens.weight"].shape[0],
        "bos_token_id": m.kv["tokenizer.ggml.bos_token_id"], "eos_token_id": m.kv["tokenizer.ggml.eos_token_id"],
        "torch_dtype": "float32",
        "quantization_config": {"quant_method": "bitnet", "linear_class": "autobitlinear", "quantization_mode": "online"}}
    with open(os.path.join(folder, "config.json"), "w") as f:
        json.dump(config, f)


class Reference:
    def __init__(self, folder):
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        kinds = {type(x).__name__ for x in self.model.modules()}
        assert type(self.model).__name__ == "BitNetForCausalLM" and "AutoBitLinear" in kinds, kinds

    def logits(self, ids):
        with torch.no_grad():
            return self.model(torch.tensor([ids])).logits[0].float().numpy()

    def greedy(self, ids):
        ids, new, cache = list(ids), list(ids), None
        for _ in range(N_GREEDY):
            with torch.no_grad():
                out = self.model(torch.tensor([new]), past_key_values=cache, use_cache=True)
            cache, new = out.past_key_values, [int(out.logits[0, -1].argmax())]
            ids += new
        return ids


def margins(logits):
    top = np.sort(logits, 1)[:, -2:]
    return top[:, 1] - top[:, 0]


def found(tool, model, tokenizer, ids, scratch):
    out = os.path.join(scratch, "logits.f32")
    subprocess.run([tool, "logits", "--kv", "f32", "--model", model, *tokenizer, "--tokens", ",".join(map(str, ids)),
                    "--out", out, "--quiet"], check=True, stdout=subprocess.DEVNULL)
    return np.fromfile(out, "<f4").reshape(len(ids), -1)


def prompts(golden):
    with open(os.path.join(golden, "golden.json")) as f:
        return [p for p in json.load(f)["prompts"] if p["name"] in PROMPTS]


def compare(tool, gguf, golden, scratch, folder=None):
    tokenizer = []
    if folder is None:
        folder = os.path.join(scratch, "master")
        shutil.rmtree(folder, ignore_errors=True)
        make_master(gguf, folder)
        tokenizer = ["--tokenizer", gguf]
    reference = Reference(folder)
    n_positions = n_decided = n_bad = 0
    for p in prompts(golden):
        ids = reference.greedy(p["tokens"])
        want, have = reference.logits(ids).astype(np.float64), found(tool, folder, tokenizer, ids, scratch).astype(np.float64)
        assert want.shape == have.shape, (want.shape, have.shape)
        cosine = (want * have).sum(1) / np.linalg.norm(want, axis=1) / np.linalg.norm(have, axis=1)
        decided = margins(want) > MIN_MARGIN
        same = want.argmax(1) == have.argmax(1)
        n = len(p["tokens"])
        drawn = slice(n - 1, len(ids) - 1)  # the rows that the greedy tokens were drawn from
        bad = int((~(cosine[:n] >= MIN_COSINE)).sum() + (decided & ~same)[drawn].sum())
        # Rounding in f32 turns an activation code now and then, which moves all logits of a position a little: of the
        # longer rows behind the prompt it is only told.
        print(f"{p['name']}: {n} positions, lowest cosine {cosine[:n].min():.8f} (of the greedy tokens {cosine[n:].min():.8f}), "
              f"{int(decided[drawn].sum())} of {N_GREEDY} greedy tokens decided, {int(same[drawn].sum())} the same")
        n_positions, n_decided, n_bad = n_positions + n, n_decided + int(decided[drawn].sum()), n_bad + bad
    print(f"{n_positions} positions, {n_decided} greedy tokens, {n_bad} bad")
    return 0 if n_bad == 0 and n_positions > 0 and n_decided > 0 else 1


def write(folder, golden):
    reference = Reference(folder)
    out = {"what": "logits [T, vocab] of BitNetForCausalLM in f32, as f16, and its greedy tokens with the distance of the two "
                   "largest logits; made by tests/reference/hf_logits.py",
           "torch": torch.__version__, "transformers": transformers.__version__, "prompts": []}
    for p in prompts(golden):
        n = len(p["tokens"])
        ids = reference.greedy(p["tokens"])
        logits = reference.logits(ids)
        logits[:n].astype("<f2").tofile(os.path.join(golden, p["name"] + ".hf.f16"))
        out["prompts"].append({"name": p["name"], "greedy": ids[n:],
                               "margins": [round(float(x), 6) for x in margins(logits)[n - 1:-1]]})
    with open(os.path.join(golden, "hf.json"), "w") as f:
        json.dump(out, f, indent=1)
        f.write("\n")
    return 0


if __name__ == "__main__":
    if len(sys.argv) in (6, 7) and sys.argv[1] == "compare":
        sys.exit(compare(*sys.argv[2:]))
    if len(sys.argv) == 4 and sys.argv[1] == "write":
        sys.exit(write(*sys.argv[2:]))
    sys.exit(__doc__)
