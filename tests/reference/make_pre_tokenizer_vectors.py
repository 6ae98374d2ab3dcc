#!/usr/bin/env python3
"""Writes tests/data/pre_tokenizer_vectors.json: how the splitting patterns of published models cut texts, by Python's
package regex, a backtracking engine.

usage: make_pre_tokenizer_vectors.py OUT.json      (Python 3.11, for Unicode 14.0.0, and the package regex)
The patterns are the facts of the public sources of llama.cpp (src/llama-vocab.cpp, 2026), which reads GGUF files by
them; those of deepseek-v3, tekken, gpt-4o and bailingmoe are its restatements of the models' own tokenizer.json.
"""
import json
import random
import sys
import unicodedata

import regex

CONTRACTIONS = "(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])"
END = r"\s*[\r\n]+|\s+(?!\S)|\s+"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+"
LLAMA3 = rf"{CONTRACTIONS}|{WORD}|\p{{N}}{{1,3}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{END}"
QWEN2 = rf"{CONTRACTIONS}|{WORD}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{END}"
CASED = ("A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376"
         "\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-"
         "\u0556\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a"
         "\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4"
         "\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc"
         "\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f"
         "\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b"
         "\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a"
         "\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2"
         "\U000118a0-\U000118df\U0001e900-\U0001e943")
CJK = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
SIGN_WORD = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+"
MARKED_WORD = rf"[^\r\n\p{{L}}\p{{P}}\p{{S}}]?[\p{{L}}\p{{M}}]+"
UPPER, LOWER = r"((?=[\p{L}])([^a-z]))", r"((?=[\p{L}])([^A-Z]))"
UPPER_CATEGORY, LOWER_CATEGORY = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
FIRST = r"[^\r\n\p{L}\p{N}]?"
SIGNS = rf" ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|{END}"
BLOOM = " ?[^(\\s|.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c)]+"
KANA = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"

PATTERNS = {
    "default": [r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]"],
    "gpt-2": [GPT2],
    "llama-bpe": [LLAMA3],
    "qwen2": [QWEN2],
    "falcon": [r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]"],
    "starcoder": [r"\p{N}", GPT2],
    "bloom": [BLOOM],
    "viking": [BLOOM, r"\p{N}"],
    "deepseek-llm": ["[\r\n]", rf"\s?[{CASED}]+",
                     "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", r"\s+$", CJK, r"\p{N}+"],
    "deepseek-coder": ["[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", CJK, r"\p{N}"],
    "deepseek-v3": [r"\p{N}{1,3}", KANA, rf"{SIGN_WORD}|{MARKED_WORD}| ?[\p{{P}}\p{{S}}]+[\r\n]*|{END}"],
    "spark2_5": [r"\p{N}{1,3}", KANA, rf"{SIGN_WORD}|{MARKED_WORD}| ?[\p{{P}}\p{{S}}]+|[\r\n]|\s+(?!\S)|\s+", r"\p{N}"],
    "tekken": [rf"{FIRST}{UPPER}*{LOWER}+|{FIRST}{UPPER}+{LOWER}*|\p{{N}}|{SIGNS}"],
    "gpt-4o": [rf"{FIRST}{UPPER}*{LOWER}+{CONTRACTIONS}?|{FIRST}{UPPER}+{LOWER}*{CONTRACTIONS}?|\p{{N}}{{1,3}}|{SIGNS}"],
    "youtu": ["[\uac00-\ud7a3\u3131-\u318e]+|[\uff01\u2026\u201c\u201d\u2018\u2019\u2014\uff1a\uff1b\uff0c\u3001-\u303f"
              "\ufe30-\ufe4f]+|[\u3105-\u312f]+|" + KANA,
              rf"{FIRST}{UPPER_CATEGORY}*{LOWER_CATEGORY}+{CONTRACTIONS}?|{FIRST}{UPPER_CATEGORY}+{LOWER_CATEGORY}*"
              rf"{CONTRACTIONS}?|\p{{N}}|{SIGNS}"],
    "superbpe": [r"\p{N}+", r"(?=(\d{3})+(?!\d))"],
    "bailingmoe": [r"'(?:[sSdDmMtT]|[lL][lL]|[vV][eE]|[rR][eE])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"
                   r"\s*[\r\n]|\s+(?!\S)|\s+"],
    "seed-coder": [rf"{CONTRACTIONS}|{WORD}|\p{{N}}{{1}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|{END}"],
    "exaone-moe": [rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?(?:\p{{L}}\p{{M}}*(?: \p{{L}}\p{{M}}*)*)+|\p{{N}}|"
                   r" ?[^\s\p{L}\p{N}]+[\r\n/]?|\s*[\r\n]|\s+(?!\S)|\s+"],
    "qwen35": [rf"{CONTRACTIONS}|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]+|\p{{N}}| ?[^\s\p{{L}}\p{{M}}\p{{N}}]+[\r\n]*|{END}"],
    "minicpm5": [r"\p{N}{1,3}", rf"{CONTRACTIONS}|{WORD}|\p{{N}}+| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{END}"],
    "ufakzeka": [rf"{WORD}|\p{{N}}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|{END}"],
    "laguna": [r"[^\n]+|[\n]+", QWEN2],
    "chameleon": ["<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", r"([\t\n]|    |  )", r"\p{N}",
                  r"[\p{P}!-/:-@\[-`{-~]", GPT2],
}
# Patterns that have the white space of Unicode 14 for \s, ASCII digits for \d, and no Unicode case folding.
SPACES = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000"


def compiled(pattern):
    out, i, in_class = "", 0, False
    while i < len(pattern):
        two = pattern[i:i + 2]
        if two in (r"\s", r"\S", r"\d"):
            text = {r"\s": SPACES, r"\S": "^" + SPACES, r"\d": "0-9"}[two]
            assert not (in_class and two == r"\S")
            out += text if in_class else f"[{text}]"
            i += 2
            continue
        if two[0] == "\\":
            out += two
            i += 2
            continue
        in_class = (in_class or two[0] == "[") and two[0] != "]"
        out += two[0]
        i += 1
    return regex.compile(out, regex.V0)


def split(patterns, text):
    pieces = [text]
    for pattern in patterns:
        cut = []
        for piece in pieces:
            end = 0
            for m in pattern.finditer(piece):
                cut += [piece[end:m.start()], m.group()]
                end = m.end()
            cut.append(piece[end:])
        pieces = [p for p in cut if p]
    return pieces


PARTS = ["a", "b", "Z", "Abc", "abC", "ABC", "é", "É", "e\u0301", "ß", "ǅ", "ʰ", "ª", "日本", "の", "ア", "한국", "ㄱ", "ㄅ", "हिन्दी",
         "ไทย", "\u0345", "ⓐ", "ſ", "K", " ", " ", " ", "  ", "   ", "    ", "\n", "\n\n", "\r\n", "\r", "\t", "\u00a0", "\u3000",
         "\u2028", "\x85", "\x1c", "\u200b", "\u200d", "\ufeff", "7", "12", "345", "6789", "1234567", "٣", "²", "Ⅷ", "½", "一", "'s", "'S",
         "'re", "'LL", "'t", "'d", "'ve", "'M", "'x", "'", ".", ",", "!", "?", "…", "。", "，", "、", "।", "۔", "،", "(", ")", "|", "/", "//",
         "-", "_", "$", "+", "<", "=", ">", "^", "~", "`", "\\", "[", "]", "{", "}", "\"", "#", "&", "*", "@", ":", ";", "€", "→", "“", "’", "«",
         "🙂", "👍🏽", "IMGIMGABZ", "<sentinel:12>", "\U0001e900", "\U00010400", "\u0000", "\u007f", "\ue000", "！", "ａ", "０", "﹏", "〿"]


def texts():
    rng = random.Random(20)
    out = ["", "Hello, World! It's 12345 o'clock.\n\n  I'LL  go\tnow 3.14159 -- fin.  ", "x" * 40 + " " * 20 + "\n" * 5 + " \n \n  y",
           "1234567890 12 123 1234 ²12345", "HELLOworld HelloWorld helloWORLD ÉTÉ été Été"]
    # Every general category, beside letters, spaces and itself.
    by_category = {}
    for cp in range(0x110000):
        by_category.setdefault(unicodedata.category(chr(cp)), []).append(chr(cp))
    for category, chars in sorted(by_category.items()):
        if category in ("Cs", "Cn"):
            continue
        chosen = [c for c in rng.sample(chars, min(len(chars), 40)) if regex.fullmatch(rf"\p{{{category}}}", c)][:12]
        out.append("".join(rng.choice(["", "a", " ", "1", "A", "\n"]) + c for c in chosen))
    while len(out) < 120:
        out.append("".join(rng.choice(PARTS) for _ in range(rng.randint(4, 24))))
    return out


def main():
    if unicodedata.unidata_version != "14.0.0":
        sys.exit(f"error: Unicode {unicodedata.unidata_version} here, expected 14.0.0 (Python 3.11)")
    all_texts = texts()
    lines = ["{\"texts\":" + json.dumps(all_texts, separators=(",", ":")) + ",\n\"bytes\":{"]
    rows = []
    for name, patterns in PATTERNS.items():
        steps = [compiled(p) for p in patterns]
        pieces = [[len(p.encode()) for p in split(steps, text)] for text in all_texts]
        rows.append(json.dumps(name) + ":" + json.dumps(pieces, separators=(",", ":")))
    with open(sys.argv[1], "w", encoding="ascii", newline="\n") as f:
        f.write(lines[0] + "\n" + ",\n".join(rows) + "\n}}\n")


if __name__ == "__main__":
    main()
