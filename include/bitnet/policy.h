/*
 * Policy: an explicit, fingerprinted, temporary correction of a known-bad model file, applied to the loaded copy and
 * recorded in every receipt. The fix is always a regenerated file. docs/policy.md has the file format.
 *
 * A model is corrected only when bitnet_model_options_t has both a policy and allow_corrections = 1.
 */
#ifndef BITNET_POLICY_H_
#define BITNET_POLICY_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/export.h>
#include <bitnet/file.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_policy_t bitnet_policy_t;

/**
 * Reads a policy. Every error has line and column.
 * @param text        YAML, at most 1 MiB, borrowed for the call.
 * @param path        where it comes from, for receipts; NULL: "".
 * @param out_policy  receives the policy; NULL on failure. Free with bitnet_policy_free().
 * @return BITNET_OK, _E_POLICY_INVALID, _E_INVALID_ARGUMENT, _E_NO_MEMORY.
 * @threading safe from any thread; a policy is immutable.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_policy_parse(const char* text, size_t n_bytes, const char* path,
                                               bitnet_policy_t** out_policy) BITNET_NOEXCEPT;
/** NULL is legal, also while models that it corrected live. @since 0.1 */
BITNET_API void bitnet_policy_free(bitnet_policy_t* policy) BITNET_NOEXCEPT;

/* Texts live as long as the policy. */
typedef struct bitnet_policy_info_t {
  uint32_t struct_size;
  uint32_t version;
  uint64_t n_policies;
  const char* path;
  const char* sha256; /* of the text */
} bitnet_policy_info_t;
#define BITNET_POLICY_INFO_INIT \
  { sizeof(bitnet_policy_info_t), 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_policy_info(const bitnet_policy_t* policy,
                                              bitnet_policy_info_t* out_info) BITNET_NOEXCEPT;

/* ---- Validation: what a policy would do to a model, without doing it ------------------------------------------- */

typedef struct bitnet_validation_t bitnet_validation_t;

typedef uint32_t bitnet_policy_verdict_t;
enum bitnet_policy_verdict {
  BITNET_POLICY_READY = 0,      /* it matches, and every correction can be applied or is not needed */
  BITNET_POLICY_NOT_NEEDED = 1, /* it matches, and no precondition holds */
  BITNET_POLICY_NO_MATCH = 2,   /* no fingerprint matches the model */
  BITNET_POLICY_INVALID = 3     /* a load with it would fail: see the message */
};
/** "READY", "NOT NEEDED", "NO MATCH", "INVALID"; "" for another number. Static. @since 0.1 */
BITNET_API const char* bitnet_policy_verdict_name(bitnet_policy_verdict_t verdict) BITNET_NOEXCEPT;

/**
 * Plans the corrections of a policy for a model file.
 * @param file    NULL: the policy alone, which parsing has already checked; the verdict is then BITNET_POLICY_READY.
 * @param sha256  the file's, 64 lower-case hex digits, where the host knows it; NULL: computed.
 * @return BITNET_OK for every verdict, _E_INVALID_ARGUMENT, _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_policy_validate(const bitnet_policy_t* policy, const bitnet_file_t* file,
                                                  const char* sha256,
                                                  bitnet_validation_t** out_validation) BITNET_NOEXCEPT;
/** NULL is legal. @since 0.1 */
BITNET_API void bitnet_validation_free(bitnet_validation_t* validation) BITNET_NOEXCEPT;

/* Texts live as long as the validation. */
typedef struct bitnet_validation_info_t {
  uint32_t struct_size;
  bitnet_policy_verdict_t verdict;
  uint64_t n_corrections;  /* of the policies that match */
  const char* fingerprint; /* type of the fingerprint that matched: "gguf_sha256", ...; "" without a match */
  const char* sha256;      /* of the model file, "" without one */
  const char* message;     /* why it is invalid, one line, or "" */
} bitnet_validation_info_t;
#define BITNET_VALIDATION_INFO_INIT \
  { sizeof(bitnet_validation_info_t), 0, 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_validation_info(const bitnet_validation_t* validation,
                                                  bitnet_validation_info_t* out_info) BITNET_NOEXCEPT;

/* One correction of a policy that matches. */
typedef struct bitnet_correction_t {
  uint32_t struct_size;
  bitnet_policy_verdict_t verdict; /* never BITNET_POLICY_NO_MATCH */
  const char* policy;              /* its name */
  const char* type;                /* "layernorm_scale" or "attention_scale" */
  const char* reason;              /* why it is not ready, or "" */
  uint64_t n_tensors;              /* that would change */
  uint64_t n_layers;               /* that would change */
  double factor_min, factor_max;
  double target_rms;               /* layernorm_scale */
  double before_min, before_max;   /* RMS of the chosen norms; NaN without any */
  double after_min, after_max;     /* RMS of those that change, as predicted */
  double allowed_min, allowed_max; /* postcondition */
} bitnet_correction_t;
#define BITNET_CORRECTION_INIT \
  { sizeof(bitnet_correction_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Number `index`, in file order. @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_validation_correction(const bitnet_validation_t* validation, size_t index,
                                                        bitnet_correction_t* out_correction) BITNET_NOEXCEPT;
/** All of it, every tensor included, as a JSON document. Two calls. @since 0.1 */
BITNET_API bitnet_status_t bitnet_validation_json(const bitnet_validation_t* validation, char* buf, size_t capacity,
                                                  size_t* needed) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_POLICY_H_ */
