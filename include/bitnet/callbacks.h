/*
 * What a host may hand in: memory, a log, progress, bytes of a model.
 *
 * A callback runs on the thread that made the library call, inside that call, with the default floating-point
 * environment. It must not throw or longjmp. It may call the library, but not with a session that is inside a call:
 * that fails with BITNET_E_BAD_STATE. It may free engines, models and sessions, those of the call too: they live until
 * it returns. `user_data` comes back as it was given. An int32_t result of 0 means continue, any other cancels the
 * call: BITNET_E_CANCELLED, or BITNET_E_IO where a bitnet_read_fn gave it.
 */
#ifndef BITNET_CALLBACKS_H_
#define BITNET_CALLBACKS_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Memory for weights, key-value caches and scratch: everything whose size grows with the model. Small objects use the
 * C++ allocator. `alloc` gives n_bytes at a multiple of `alignment` (a power of two), or NULL, which makes the call
 * fail with BITNET_E_NO_MEMORY. Both are called from any thread and must not call the library. The struct is copied;
 * `user_data` must live until the engine and all that was made with it are freed. Zeros: the C++ allocator.
 */
typedef struct bitnet_allocator_t {
  uint32_t struct_size;
  uint32_t reserved; /* 0 */
  void* (*alloc)(void* user_data, size_t n_bytes, size_t alignment);
  void (*free)(void* user_data, void* p, size_t n_bytes);
  void* user_data;
} bitnet_allocator_t;
#define BITNET_ALLOCATOR_INIT \
  { sizeof(bitnet_allocator_t), 0, 0, 0, 0 }

typedef uint32_t bitnet_log_level_t;
enum bitnet_log_level { BITNET_LOG_ERROR = 0, BITNET_LOG_WARNING = 1, BITNET_LOG_INFO = 2, BITNET_LOG_DEBUG = 3 };

/* One lower-case line without a newline. The library itself never prints. */
typedef void (*bitnet_log_fn)(bitnet_log_level_t level, const char* message, void* user_data);

/* done <= total; called now and then while a model loads. */
typedef int32_t (*bitnet_progress_fn)(uint64_t done_bytes, uint64_t total_bytes, void* user_data);

/* Fills buf[n_bytes] with the bytes of a model from `offset`; all of them, or a result that is not 0. */
typedef int32_t (*bitnet_read_fn)(uint64_t offset, void* buf, size_t n_bytes, void* user_data);

#ifdef __cplusplus
}
#endif

#endif /* BITNET_CALLBACKS_H_ */
