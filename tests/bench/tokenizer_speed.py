#!/usr/bin/env python3
"""Speed of encoding, beside Hugging Face `tokenizers` on one thread.

usage: tokenizer_speed.py LIBBITNET.so TEXT FOLDER...

TEXT is UTF-8, a few megabytes; each FOLDER has a tokenizer.json that both read. Five runs of each in turn, of the whole text at once; printed are the
medians and their ratio. Both must give the same ids. Of the other library `encode_batch_fast`, its fastest call, which keeps no offsets.
Needs tokenizers and numpy.
"""
import ctypes
import os
import statistics
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
import numpy as np
from tokenizers import Tokenizer

RUNS = 5


class Ours:
    def __init__(self, lib, path):
        self.lib, self.handle = lib, ctypes.c_void_p()
        if lib.bitnet_tokenizer_load(path.encode(), None, ctypes.byref(self.handle)) != 0:
            lib.bitnet_last_error_message.restype = ctypes.c_char_p
            raise SystemExit(lib.bitnet_last_error_message().decode())

    def encode(self, text, ids):
        n = ctypes.c_size_t()
        status = self.lib.bitnet_tokenizer_encode(self.handle, text, ctypes.c_size_t(len(text)), ctypes.c_uint32(0), ids.ctypes.data_as(ctypes.c_void_p),
                                                  ctypes.c_size_t(len(ids)), ctypes.byref(n))
        assert status == 0, status
        return ids[:n.value]


def main():
    lib = ctypes.CDLL(sys.argv[1])
    with open(sys.argv[2], "rb") as f:
        data = f.read()
    text, ids = data.decode(), np.empty(len(data) + 16, np.int32)
    for folder in sys.argv[3:]:
        path = os.path.join(folder, "tokenizer.json")
        ours, theirs, times = Ours(lib, path), Tokenizer.from_file(path), ([], [])
        theirs.encode_special_tokens = True  # text never becomes a control token, as here
        for _ in range(RUNS):
            start = time.perf_counter()
            found = ours.encode(data, ids)
            times[0].append(time.perf_counter() - start)
            start = time.perf_counter()
            expected = theirs.encode_batch_fast([text], add_special_tokens=False)[0]
            times[1].append(time.perf_counter() - start)
        same = np.array_equal(found, np.array(expected.ids, np.int32))
        a, b = (statistics.median(t) for t in times)
        print(f"{folder}: {len(found)} ids, {'equal' if same else 'DIFFERENT'}; {len(data) / a / 1e6:.1f} MB/s, tokenizers {len(data) / b / 1e6:.2f} MB/s, ratio {b / a:.1f}")


if __name__ == "__main__":
    main()
