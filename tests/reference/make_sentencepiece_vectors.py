#!/usr/bin/env python3
"""Writes tests/data/sentencepiece_vectors.json: tokenizer.model files of the test material with other options and more
pieces, and what the package sentencepiece makes of random texts with them.

usage: make_sentencepiece_vectors.py UNPACKED_TOKENIZERS OUT.json      (needs the package sentencepiece, 0.2.3)
A variant is a set's tokenizer.model with bytes after it: fields of a message that follow replace or add to those before.
"""
import json
import random
import struct
import sys

import sentencepiece

PARTS = ["a", "b", "Z", "é", "e\u0301", " ", " ", " ", "  ", "    ", "\n", "\t", "7", "12", "٣", "²", "ﬁ", "Å", "한", "<s>", "</s>",
         "<unk>", "<0x41>", "▁", "▁▁▁▁", "_", "-", "'s", ".", "日本", "🙂", "\u200d", "\u00a0", "the", " the", "hello", "World", "x", "foo",
         " foo", "foox", "foobar", "the  ", "o ", "==>", "==>b", "     ", "[[note]]"]


def varint(n):
    out = b""
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return out


def field(number, value):
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def pieces(*texts):
    return b"".join(field(1, field(1, t.encode()) + field(2, 0.0) + field(3, 4)) for t in texts)


def main():
    folder, path = sys.argv[1:]
    rng, result = random.Random(7), []
    for name in ("spm-llama", "spm-noprefix"):
        model = open(f"{folder}/{name}/tokenizer.model", "rb").read()
        for more in (b"", field(3, field(3, 0)), field(3, field(3, 1)), pieces("▁▁▁▁▁", "foox", "==>b", "[["),
                     pieces("foobar", "the▁▁", "▁foo", "o▁") + field(3, field(3, 1))):
            processor = sentencepiece.SentencePieceProcessor(model_proto=model + more)
            vectors = []
            for _ in range(60):
                text = "".join(rng.choice(PARTS) for _ in range(rng.randint(1, 18)))
                ids = processor.encode(text)
                vectors.append(dict(text=text, ids=ids, decoded=processor.decode(ids)))
            result.append(dict(set=name, more=more.hex(), vectors=vectors))
    with open(path, "w", encoding="ascii", newline="\n") as f:
        f.write("[\n" + ",\n".join(json.dumps(r, separators=(",", ":")) for r in result) + "\n]\n")


if __name__ == "__main__":
    main()
