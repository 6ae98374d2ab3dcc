/* Facts: what a session really did, as a value that no longer changes. */
#ifndef BITNET_FACTS_H_
#define BITNET_FACTS_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/export.h>
#include <bitnet/file.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_facts_t bitnet_facts_t;

/** NULL is legal. @since 0.1 */
BITNET_API void bitnet_facts_free(bitnet_facts_t* facts) BITNET_NOEXCEPT;

/* "Last generation" is the one that the last begin started. Texts live as long as the facts. */
typedef struct bitnet_facts_info_t {
  uint32_t struct_size;
  uint32_t threads;
  const char* target;                         /* name of the kernels that ran: the CPU's, where it had a part */
  const char* head;                           /* how the draws were selected: "full" or "shortcut"; equal results */
  char logits_sha256[BITNET_SHA256_HEX_SIZE]; /* of the last generation, docs/numerics.md; "" before a first draw */
  char reserved[7];
  double prompt_ms;              /* evaluation of the prompt of the last generation */
  double generate_ms;            /* from its first draw to its last */
  double time_to_first_token_ms; /* from its start to its first draw; 0 before that */
  uint64_t n_prompt_tokens;
  uint64_t n_generated_tokens; /* draws, a stop token's included */
  uint64_t n_evaluated_tokens; /* tokens that went through the layers, all calls together */
  uint64_t head_survivors;     /* rows that the shortcut computed exactly, all draws together */
  uint64_t n_kernels;
  const char* device;           /* "cpu", "cuda" or "hybrid": where layers were computed */
  const char* requested_device; /* the engine's option */
  const char* fallback_reason;  /* why `device` is not what was requested, or "" */
  const char* gpu;              /* names of the GPUs that took part, "; " between them, or "" */
} bitnet_facts_info_t;
#define BITNET_FACTS_INFO_INIT \
  { sizeof(bitnet_facts_info_t), 0, 0, 0, {0}, {0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_facts_info(const bitnet_facts_t* facts,
                                             bitnet_facts_info_t* out_info) BITNET_NOEXCEPT;

/* A kernel that ran. */
typedef struct bitnet_kernel_t {
  uint32_t struct_size;
  uint32_t reserved;
  const char* id; /* "AVX2.ternary_gemv": target and operation; lives as long as the facts */
  uint64_t calls; /* rows that it produced: the same for every number of threads */
} bitnet_kernel_t;
#define BITNET_KERNEL_INIT \
  { sizeof(bitnet_kernel_t), 0, 0, 0 }

/** @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_facts_kernel(const bitnet_facts_t* facts, size_t index,
                                               bitnet_kernel_t* out_kernel) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_FACTS_H_ */
