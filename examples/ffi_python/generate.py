#!/usr/bin/env python3
"""Runs a model from Python with ctypes alone: nothing to build, nothing to install.

usage: generate.py LIBBITNET MODEL.gguf [PROMPT]
"""
import ctypes
import sys
from ctypes import POINTER, byref, c_char_p, c_float, c_int32, c_size_t, c_uint32, c_uint64, c_void_p, sizeof


class Struct(ctypes.Structure):
    """A struct of the library: all zeros are its defaults, and it starts with its own size."""

    def __init__(self, **fields):
        super().__init__(struct_size=sizeof(type(self)), **fields)


class GenerateOptions(Struct):
    _fields_ = [("struct_size", c_uint32), ("max_new_tokens", c_uint32), ("temperature", c_float),
                ("top_k", c_uint32), ("top_p", c_float), ("min_p", c_float), ("repeat_penalty", c_float),
                ("repeat_last_n", c_uint32), ("seed", c_uint64), ("ignore_eos", c_uint32), ("n_stop_ids", c_uint32),
                ("stop_ids", POINTER(c_int32)), ("stop_strings", POINTER(c_char_p)), ("n_stop_strings", c_uint32),
                ("reserved", c_uint32)]


class Step(Struct):
    _fields_ = [("struct_size", c_uint32), ("token", c_int32), ("text", c_char_p), ("text_bytes", c_size_t),
                ("reason", c_uint32), ("reserved", c_uint32)]


class ChatMessage(ctypes.Structure):
    _fields_ = [("role", c_char_p), ("content", c_char_p), ("content_bytes", c_size_t)]


class Bitnet:
    """The functions of the library; each raises RuntimeError with the library's own message."""

    def __init__(self, path):
        self._lib = ctypes.CDLL(path)
        self._lib.bitnet_last_error_message.restype = c_char_p
        self._lib.bitnet_version.restype = c_char_p

    def version(self):
        return self._lib.bitnet_version().decode()

    def call(self, name, *arguments):
        if getattr(self._lib, "bitnet_" + name)(*arguments) != 0:
            raise RuntimeError(self._lib.bitnet_last_error_message().decode())

    def create(self, name, *arguments):
        """Calls a function whose last parameter receives a new handle."""
        handle = c_void_p()
        self.call(name, *arguments, byref(handle))
        return handle

    def free(self, kind, handle):
        free = getattr(self._lib, f"bitnet_{kind}_free")
        free.restype = None
        free(handle)


def answer(lib, session, prompt, **options):
    """Yields the text of an answer as it comes."""
    message = ChatMessage(b"user", prompt.encode(), 0)
    lib.call("session_begin_chat", session, None, byref(message), c_size_t(1), byref(GenerateOptions(**options)))
    step = Step()
    while step.reason == 0:
        lib.call("session_next", session, byref(step))
        yield ctypes.string_at(step.text, step.text_bytes).decode()


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    prompt = sys.argv[3] if len(sys.argv) > 3 else "What is the capital of France?"
    lib = Bitnet(sys.argv[1])
    print(f"libbitnet {lib.version()}")
    engine = lib.create("engine_create", None)
    model = lib.create("model_load", engine, sys.argv[2].encode(), None)
    session = lib.create("session_create", model, None)
    for text in answer(lib, session, prompt, max_new_tokens=64):
        print(text, end="", flush=True)
    print()
    for kind, handle in (("session", session), ("model", model), ("engine", engine)):
        lib.free(kind, handle)


if __name__ == "__main__":
    main()
