/*
 * Experimental: for tools of ours, outside every promise. Anything here may change or go in any version.
 */
#ifndef BITNET_EXPERIMENTAL_H_
#define BITNET_EXPERIMENTAL_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/export.h>
#include <bitnet/file.h>
#include <bitnet/session.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * SHA-256 of all logits of the last evaluation: f32, little-endian, [rows, n_vocab]. With BITNET_WANT_ALL on a fresh
 * session this is the prompt_logits_sha256 of docs/numerics.md.
 * @return as bitnet_session_logits(); _E_BAD_STATE also when the evaluation kept no row.
 */
BITNET_API bitnet_status_t bitnet_x_session_logits_sha256(bitnet_session_t* session,
                                                          char out_hex[BITNET_SHA256_HEX_SIZE]) BITNET_NOEXCEPT;

/**
 * Runs n_rounds rounds of the multiply-add instructions that a target's ternary products are made of, on registers,
 * on the calling thread: timed by the caller, the highest integer rate that this core can have.
 * @param target          a name of bitnet_target().
 * @param out_n_products  receives how many products of two bytes were made and added.
 * @return BITNET_OK, _E_INVALID_ARGUMENT (no such target), _E_TARGET_UNAVAILABLE.
 */
BITNET_API bitnet_status_t bitnet_x_multiply_add_rounds(const char* target, uint64_t n_rounds,
                                                        uint64_t* out_n_products) BITNET_NOEXCEPT;

/**
 * What a GPU can do at most, measured on it: bytes read a second, and int8 multiply-adds a second with the tensor-core
 * instruction that the ternary products use. Takes about a second and a gigabyte of its memory.
 * @param gpu  0 for "cuda:0" and so on.
 * @return BITNET_OK, _E_TARGET_UNAVAILABLE (no such GPU here, or it failed), _E_NO_MEMORY, _E_INVALID_ARGUMENT.
 */
BITNET_API bitnet_status_t bitnet_x_gpu_limits(uint32_t gpu, double* out_read_bytes_per_s,
                                               double* out_multiply_adds_per_s) BITNET_NOEXCEPT;

/**
 * From now on measures how long each part of an evaluation takes, from zero: a clock around every operation.
 * @return BITNET_OK, _E_INVALID_ARGUMENT, _E_BAD_STATE, _E_NO_MEMORY, _E_UNSUPPORTED (a GPU computes: its operations
 *         return before they are done).
 */
BITNET_API bitnet_status_t bitnet_x_session_profile_start(bitnet_session_t* session) BITNET_NOEXCEPT;

/**
 * Seconds of part number `index` since then.
 * @param out_name  receives its name; static.
 * @return BITNET_OK, _E_NOT_FOUND (no such part, or nothing is measured), _E_INVALID_ARGUMENT, _E_BAD_STATE.
 */
BITNET_API bitnet_status_t bitnet_x_session_profile(const bitnet_session_t* session, size_t index,
                                                    const char** out_name, double* out_seconds) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_EXPERIMENTAL_H_ */
