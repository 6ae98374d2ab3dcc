/* The embedded tiny model, in a small library of its own: bitnet::tiny. */
#ifndef BITNET_TINY_H_
#define BITNET_TINY_H_

#include <stddef.h>

#include <bitnet/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The bytes of libbitnet-tiny-158, a real model of 5.1 million parameters for tests and demonstrations, ready for
 * bitnet_model_load_memory(). Static, aligned to 64 bytes.
 * @param out_n_bytes  receives their number; may be NULL.
 * @since 0.1
 */
BITNET_API const void* bitnet_tiny_model(size_t* out_n_bytes) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_TINY_H_ */
