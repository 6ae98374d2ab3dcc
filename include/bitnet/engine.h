/*
 * Engine: a CPU target, its threads, an allocator and a log. A process may have any number; there is no global state.
 */
#ifndef BITNET_ENGINE_H_
#define BITNET_ENGINE_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/callbacks.h>
#include <bitnet/export.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_engine_t bitnet_engine_t;

/* Zeros are the defaults. */
typedef struct bitnet_engine_options_t {
  uint32_t struct_size;
  uint32_t threads;                    /* 0: the physical cores that the process may use */
  const char* target;                  /* NULL: the best that this CPU runs; else a name, see bitnet_target() */
  const char* device;                  /* NULL: "cpu"; else "auto", "cuda" or "hybrid", see below */
  const bitnet_allocator_t* allocator; /* NULL: the C++ allocator */
  bitnet_log_fn log;                   /* NULL: no log */
  void* log_user_data;
  uint64_t gpu_memory_limit; /* bytes of each GPU that a session may take, 0: what is free */
} bitnet_engine_options_t;
#define BITNET_ENGINE_OPTIONS_INIT \
  { sizeof(bitnet_engine_options_t), 0, 0, 0, 0, 0, 0, 0 }

/*
 * Devices. "cpu" computes on the CPU, "cuda" on NVIDIA GPUs alone: the layers stand on one, or in ranges on several.
 * "hybrid" puts as many layers on GPUs as their memory and gpu_memory_limit allow, the rest on the CPU. "auto" is
 * "cuda" where a GPU is here and holds the model, else "cpu": that is logged as a warning, and facts and receipts carry
 * the reason. No other value falls back. How a model is split is decided when a session is made, before anything is
 * allocated: BITNET_E_NO_MEMORY tells what would be needed. Every bit of the results is the same on all devices.
 * A GPU that fails makes calls return BITNET_E_TARGET_UNAVAILABLE with the name of the kernel; sessions that it had a
 * part in can then only be freed.
 */

/**
 * Makes an engine and starts its threads.
 * @param options     NULL = defaults. Borrowed for the call.
 * @param out_engine  receives the engine; NULL on failure. Free with bitnet_engine_free().
 * @return BITNET_OK, _E_INVALID_ARGUMENT (no such target, a bad option), _E_TARGET_UNAVAILABLE (built in, but not for
 *         this CPU; "cuda" or "hybrid" without a GPU), _E_NO_MEMORY.
 * @threading safe from any thread. An engine may be shared by models and sessions on any threads; their parallel
 *            parts then take turns. Results never depend on the target or on the number of threads.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_engine_create(const bitnet_engine_options_t* options,
                                                bitnet_engine_t** out_engine) BITNET_NOEXCEPT;

/** NULL is legal, and so is freeing it before its models and sessions: they keep what they need. @since 0.1 */
BITNET_API void bitnet_engine_free(bitnet_engine_t* engine) BITNET_NOEXCEPT;

typedef struct bitnet_engine_info_t {
  uint32_t struct_size;
  uint32_t threads;
  const char* target;          /* "AVX2", "portable", ...; static */
  const char* device;          /* "cpu", "auto", "cuda" or "hybrid": "auto" without a GPU reads "cpu"; static */
  const char* fallback_reason; /* why "auto" found no GPU, or ""; lives as long as the engine */
} bitnet_engine_info_t;
#define BITNET_ENGINE_INFO_INIT \
  { sizeof(bitnet_engine_info_t), 0, 0, 0, 0 }

/** What was chosen. @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_engine_info(const bitnet_engine_t* engine,
                                              bitnet_engine_info_t* out_info) BITNET_NOEXCEPT;

/* A CPU target: one set of kernels for one instruction set. */
typedef struct bitnet_target_t {
  uint32_t struct_size;
  uint32_t available; /* 1: this CPU runs it */
  const char* name;   /* static */
} bitnet_target_t;
#define BITNET_TARGET_INIT \
  { sizeof(bitnet_target_t), 0, 0 }

/** Targets built into the library: first those that this CPU runs, the best at index 0, then the others. @since 0.1 */
BITNET_API size_t bitnet_target_count(void) BITNET_NOEXCEPT;
/** @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_target(size_t index, bitnet_target_t* out_target) BITNET_NOEXCEPT;

typedef struct bitnet_self_test_t {
  uint32_t struct_size;
  uint32_t n_checks;    /* comparisons made */
  uint32_t n_different; /* comparisons where a bit differed from the portable reference; 0 is the good answer */
  uint32_t reserved;
  const char* first_different; /* name of the operation, or NULL; static */
} bitnet_self_test_t;
#define BITNET_SELF_TEST_INIT \
  { sizeof(bitnet_self_test_t), 0, 0, 0, 0 }

/**
 * Runs every operation of a target on small random problems and compares each bit with the portable reference.
 * @return BITNET_OK when the comparison was made (read n_different), _E_INVALID_ARGUMENT (no such target),
 *         _E_TARGET_UNAVAILABLE, _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_target_self_test(const char* target, bitnet_self_test_t* out_result) BITNET_NOEXCEPT;

typedef struct bitnet_device_t {
  uint32_t struct_size;
  uint32_t available;
  const char* name;        /* "cpu", "cuda:0", ...; "cuda" for the place of GPUs where there is none; static */
  const char* description; /* for people: the CPU's features that matter to the kernels; a GPU's name, compute
                              capability and driver; why there is no GPU. Static */
  uint64_t memory_bytes;   /* of the machine or the GPU; 0: unknown */
} bitnet_device_t;
#define BITNET_DEVICE_INIT \
  { sizeof(bitnet_device_t), 0, 0, 0, 0 }

/** Devices: the CPU first, then the GPUs, looked for once in a process. @since 0.1 */
BITNET_API size_t bitnet_device_count(void) BITNET_NOEXCEPT;
/** @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_device(size_t index, bitnet_device_t* out_device) BITNET_NOEXCEPT;

/** How the library was built, one line for people: compiler, Highway version and what it lacks. Static. @since 0.1 */
BITNET_API const char* bitnet_build_info(void) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_ENGINE_H_ */
