#include <bitnet/tiny.h>

/* The model as the assembler reads it: no code generator, no copy. 64 bytes: a cache line, more than GGUF asks for. */
__asm__(
    ".section .rodata\n"
    ".hidden bitnet_tiny_model_begin\n"
    ".hidden bitnet_tiny_model_end\n"
    ".global bitnet_tiny_model_begin\n"
    ".global bitnet_tiny_model_end\n"
    ".balign 64\n"
    "bitnet_tiny_model_begin:\n"
    ".incbin \"" BITNET_TINY_MODEL_PATH
    "\"\n"
    "bitnet_tiny_model_end:\n"
    ".byte 0\n"
    ".previous\n");

extern const unsigned char bitnet_tiny_model_begin[];
extern const unsigned char bitnet_tiny_model_end[];

const void* bitnet_tiny_model(size_t* out_n_bytes) {
  if (out_n_bytes != NULL) *out_n_bytes = (size_t)(bitnet_tiny_model_end - bitnet_tiny_model_begin);
  return bitnet_tiny_model_begin;
}
