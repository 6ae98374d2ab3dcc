#!/usr/bin/env python3
"""Writes tests/data/tokenizer_variants.json: tokenizer.json files of the test material with other components, and what
Hugging Face tokenizers makes of random texts with them.

usage: make_tokenizer_variants.py UNPACKED_TOKENIZERS OUT.json      (needs the package tokenizers, 0.23.3)
A variant replaces members of a set's tokenizer.json; "ignore_merges" is the model's. Two things that the reference does
are left out: with ignore_merges plain text becomes a control token of the vocabulary; a token that takes the white space
after it and a token that begins with white space both claim that space.
"""
import json
import os
import random
import sys

os.environ["TOKENIZERS_PARALLELISM"] = "false"
from tokenizers import Tokenizer  # noqa: E402

SETS = ["spm-llama", "spm-noprefix", "bpe-llama", "bpe-gpt2", "bpe-qwen2"]
CONTENTS = ["foo", "bar", "foo bar", "_x", "the", "a b", "é", "ﬁ", "12", "é ", "[[", "e", "hello World", "日", "==", "==>b"]
PARTS = ["a", "b", "Z", "é", "e\u0301", " ", " ", "  ", "\n", "\t", "7", "12", "٣", "²", "ﬁ", "Å", "\u212b", "한", "\u1112\u1161\u11ab",
         "<s>", "</s>", "[[note]]", "==>", "▁", "_", "-", "'s", "'ſ", ".", "日本", "🙂", "\u200d", "\u00a0", "the", "hello", "World",
         "x", "<pad>", "\u0345", "ⓐ", "foo", "bar", "½"]


def component(kind, **members):
    return {"type": kind, **members}


def replace(a, b):
    return component("Replace", pattern={"String": a}, content=b)


def variant(rng, texts):
    name = rng.choice(SETS)
    base = json.loads(texts[name])
    flag = lambda p=0.5: rng.random() < p  # noqa: E731
    out = {"added_tokens": base["added_tokens"]}
    next_id = 1 + max([*base["model"]["vocab"].values(), *(t["id"] for t in base["added_tokens"])])
    for content in rng.sample(CONTENTS, 5):
        if content not in base["model"]["vocab"]:
            out["added_tokens"].append(dict(id=next_id, content=content, single_word=flag(.3), lstrip=flag(.3),
                                            rstrip=flag(.3) and name != "bpe-gpt2", normalized=flag(), special=flag(.3)))
            next_id += 1
    unicode_form = [component(rng.choice(["NFC", "NFKC"]))] if flag(.4) else []
    digits = [component("Digits", individual_digits=flag())] if flag(.4) else []
    if name.startswith("spm") and flag():
        out["normalizer"] = unicode_form[0] if unicode_form else None
        space = component("Metaspace", replacement="▁", prepend_scheme=rng.choice(["first", "always", "never"]), split=flag())
        out["pre_tokenizer"] = component("Sequence", pretokenizers=[space] + digits)
    elif name.startswith("spm"):
        prepend = [component("Prepend", prepend="▁")] if flag() else []
        more = [replace("b", "he")] if flag(.3) else []
        out["normalizer"] = component("Sequence", normalizers=prepend + unicode_form + [replace(" ", "▁")] + more)
    else:
        out["normalizer"] = unicode_form[0] if unicode_form else None
        out["ignore_merges"] = flag(.3)
        if flag(.4):
            out["pre_tokenizer"] = component("ByteLevel", add_prefix_space=flag(), trim_offsets=True, use_regex=flag(.7))
        else:
            source = json.loads(texts[rng.choice(["bpe-llama", "bpe-qwen2", "bpe-default"])])["pre_tokenizer"]["pretokenizers"]
            splits = [p for p in source if p["type"] == "Split"]
            if len(splits) == 1 and flag():
                splits[0].update(behavior="Removed", invert=True)
            last = component("ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=flag(.3))
            out["pre_tokenizer"] = component("Sequence", pretokenizers=splits + digits + [last])
    return name, base, out


UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
FIRST, CONTRACTIONS, END = r"[^\r\n\p{L}\p{N}]?", "(?i:'s|'t|'re|'ve|'m|'ll|'d)", r"\s*[\r\n]+|\s+(?!\S)|\s+"
# Patterns of published tokenizer.json files: gpt-4o, tekken, deepseek-v3, qwen35, exaone-moe; then some of our own.
SPLITS = [
    [f"{FIRST}{UPPER}*{LOWER}+{CONTRACTIONS}?|{FIRST}{UPPER}+{LOWER}*{CONTRACTIONS}?|\\p{{N}}{{1,3}}|"
     rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{END}"],
    [rf"{FIRST}{UPPER}*{LOWER}+|{FIRST}{UPPER}+{LOWER}*|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{END}"],
    [r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
     "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|" + END],
    [rf"{CONTRACTIONS}|{FIRST}[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{END}"],
    [rf"{CONTRACTIONS}|{FIRST}(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"],
    ["(?i:k|the)", r"\d{2}|[^\d\s]+"],
]


def split_variants(texts):
    """Other patterns, a String in place of a Regex, and a Sequence in a Sequence."""
    for i, patterns in enumerate(SPLITS):
        splits = [component("Split", pattern={"Regex": p}, behavior="Isolated", invert=False) for p in patterns]
        if i % 2:
            splits.append(component("Split", pattern={"String": "e."}, behavior="Isolated", invert=False))
        nested = component("Sequence", pretokenizers=splits)
        last = component("ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=i % 3 == 0)
        name = SETS[2 + i % 3]
        changes = {"pre_tokenizer": component("Sequence", pretokenizers=[nested, last]), "ignore_merges": False}
        yield name, json.loads(texts[name]), changes


def main():
    folder, path = sys.argv[1:]
    texts = {s: open(f"{folder}/{s}/tokenizer.json", encoding="utf-8").read() for s in SETS + ["bpe-default"]}
    rng, result = random.Random(158), []
    splits = split_variants(texts)
    while len(result) < 32 + len(SPLITS):
        name, base, changes = variant(rng, texts) if len(result) < 32 else next(splits)
        ignore_merges = changes.get("ignore_merges", base["model"]["ignore_merges"])
        state = {**base, **{k: v for k, v in changes.items() if k != "ignore_merges"}}
        state["model"]["ignore_merges"] = ignore_merges
        tok, vectors = Tokenizer.from_str(json.dumps(state)), []
        for _ in range(16):
            text = "".join(rng.choice(PARTS) for _ in range(rng.randint(1, 18)))
            parse = rng.random() < .5
            tok.encode_special_tokens = not parse
            vectors.append(dict(text=text, parse_special=parse, ids=tok.encode(text, add_special_tokens=False).ids))
        result.append(dict(set=name, changes=changes, vectors=vectors))
    with open(path, "w", encoding="ascii", newline="\n") as f:
        f.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in result) + "\n]\n")


if __name__ == "__main__":
    main()
