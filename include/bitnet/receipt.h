/*
 * Receipt: a JSON document that says what one generation read, did and gave, in a form that anybody with the model can
 * check: by consistency, and by running it again and comparing bits. docs/receipts.md says what it proves and what not.
 *
 * The library hands receipts out as text and never writes a file.
 */
#ifndef BITNET_RECEIPT_H_
#define BITNET_RECEIPT_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/engine.h>
#include <bitnet/export.h>
#include <bitnet/model.h>
#include <bitnet/session.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What only the host knows; the library reads no environment. Zeros are the defaults. */
typedef struct bitnet_receipt_options_t {
  uint32_t struct_size;
  uint32_t no_text; /* 1: leave out prompt, output and token ids; keep their digests and counts */
  uint32_t ci;      /* 1: the host runs in continuous integration */
  uint32_t n_variables;
  const char* const* variables; /* [n_variables] "NAME=value" in UTF-8 of the environment variables that the host read;
                                   no name twice */
  const char* requested_target; /* kernels that the user asked for; NULL: the best */
  const char* fallback_reason;  /* why others ran; NULL: they did not */
} bitnet_receipt_options_t;
#define BITNET_RECEIPT_OPTIONS_INIT \
  { sizeof(bitnet_receipt_options_t), 0, 0, 0, 0, 0, 0 }

typedef struct bitnet_receipt_t bitnet_receipt_t;

/**
 * The receipt of the session's last generation, which must be over. Computes the file's SHA-256 on the first call of a
 * model, unless bitnet_model_options_t told it.
 * @param options      NULL = defaults. Borrowed for the call.
 * @param out_receipt  receives the receipt; NULL on failure. Free with bitnet_receipt_free().
 * @return BITNET_OK, _E_BAD_STATE (no generation, one that runs, or a context that was changed since),
 *         _E_INVALID_ARGUMENT, _E_LIMIT (above 16 MiB, which nothing would read), _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_receipt_create(const bitnet_session_t* session,
                                                 const bitnet_receipt_options_t* options,
                                                 bitnet_receipt_t** out_receipt) BITNET_NOEXCEPT;
/** NULL is legal. @since 0.1 */
BITNET_API void bitnet_receipt_free(bitnet_receipt_t* receipt) BITNET_NOEXCEPT;
/**
 * The receipt itself: indented JSON with a line feed at its end; lives as long as the receipt. NULL for NULL.
 * @param out_n_bytes  receives the length without the NUL; may be NULL.
 * @since 0.1
 */
BITNET_API const char* bitnet_receipt_text(const bitnet_receipt_t* receipt, size_t* out_n_bytes) BITNET_NOEXCEPT;

/** JSON Schema (2020-12) of receipts. Static. @since 0.1 */
BITNET_API const char* bitnet_receipt_schema(void) BITNET_NOEXCEPT;

/* ---- Verification ---------------------------------------------------------------------------------------------- */

typedef struct bitnet_verification_t bitnet_verification_t;

/* Zeros are the defaults. */
typedef struct bitnet_verify_options_t {
  uint32_t struct_size;
  uint32_t allow_corrections;  /* 1: accept a run whose model was corrected */
  const char* require_target;  /* accept these kernels only, a name of a released table; NULL: any */
  const bitnet_model_t* model; /* the receipt must be of this one; NULL: any */
} bitnet_verify_options_t;
#define BITNET_VERIFY_OPTIONS_INIT \
  { sizeof(bitnet_verify_options_t), 0, 0, 0 }

/**
 * Checks all that can be checked without running the model: schema, digest, kernels, counts, corrections, plausibility.
 * Of a text that breaks JSON, lacks a field or has one of another type, messages begin with "line L, column C: ".
 * @return BITNET_OK also for a receipt that is rejected (see bitnet_verification_info()), a text of more than 16 MiB
 *         among them; _E_INVALID_ARGUMENT (also a require_target that no release has), _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_receipt_verify(const char* text, size_t n_bytes,
                                                 const bitnet_verify_options_t* options,
                                                 bitnet_verification_t** out_verification) BITNET_NOEXCEPT;

/**
 * Runs the recorded tokens and options again on `model`, whatever its engine's target and threads are, and compares
 * tokens, text, stop reason and logits bit for bit. A model whose run was corrected must be loaded with the same
 * policy. Differences are problems of the result, the first differing step among them.
 * @return BITNET_OK also for a replay that differs, _E_RECEIPT_REJECTED (not a receipt that can be replayed, of another
 *         model, or with options or tokens that the model cannot run), or what this machine lacks: _E_NO_MEMORY, _E_IO,
 *         _E_NOT_FOUND (the model's file has gone), _E_TARGET_UNAVAILABLE.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_receipt_replay(const char* text, size_t n_bytes, const bitnet_model_t* model,
                                                 bitnet_verification_t** out_verification) BITNET_NOEXCEPT;
/** NULL is legal. @since 0.1 */
BITNET_API void bitnet_verification_free(bitnet_verification_t* verification) BITNET_NOEXCEPT;

typedef struct bitnet_verification_info_t {
  uint32_t struct_size;
  uint32_t accepted; /* 1: no problem was found */
  uint64_t n_problems;
  int64_t first_step; /* replay: the first draw that differs; -1: none, or not a replay */
} bitnet_verification_info_t;
#define BITNET_VERIFICATION_INFO_INIT \
  { sizeof(bitnet_verification_info_t), 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_verification_info(const bitnet_verification_t* verification,
                                                    bitnet_verification_info_t* out_info) BITNET_NOEXCEPT;

/* One reason to reject. Texts live as long as the verification. */
typedef struct bitnet_problem_t {
  uint32_t struct_size;
  uint32_t reserved;
  const char* field;   /* "model.fingerprint"; "" for the document */
  const char* message; /* one line */
} bitnet_problem_t;
#define BITNET_PROBLEM_INIT \
  { sizeof(bitnet_problem_t), 0, 0, 0 }

/** @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_verification_problem(const bitnet_verification_t* verification, size_t index,
                                                       bitnet_problem_t* out_problem) BITNET_NOEXCEPT;
/** `{accepted, problems [{field, message}], first_step}`. Two calls. @since 0.1 */
BITNET_API bitnet_status_t bitnet_verification_json(const bitnet_verification_t* verification, char* buf,
                                                    size_t capacity, size_t* needed) BITNET_NOEXCEPT;

/* ---- Comparison ------------------------------------------------------------------------------------------------ */

/* In place of a number of differences, or of 0 or 1: a document does not tell. Results of `run` name neither options
 * nor corrections, a receipt without texts only the digest of its prompt. */
#define BITNET_COMPARISON_NOT_KNOWN UINT32_MAX

/* How far two runs agree. Numbers below 0 and -1 stand for "not known". */
typedef struct bitnet_comparison_t {
  uint32_t struct_size;
  uint32_t same_prompt;            /* 0, 1 or BITNET_COMPARISON_NOT_KNOWN */
  double token_agreement;          /* equal positions over the longer run, 0 to 1 */
  double text_similarity;          /* 1 - edit distance over the longer text, in characters */
  int64_t first_difference;        /* position of the first token that differs; -1: none */
  uint64_t n_tokens_a, n_tokens_b; /* drawn, also where a receipt leaves them out */
  uint32_t n_model_differences, n_correction_differences, n_option_differences;
  uint32_t reserved;
} bitnet_comparison_t;
#define BITNET_COMPARISON_INIT \
  { sizeof(bitnet_comparison_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Compares two receipts, or results of the tool (`run --output`).
 * @param out_json  receives all of it as JSON, by two calls: (NULL, 0) first; may be NULL with json_needed NULL.
 * @return BITNET_OK, _E_BAD_FORMAT (naming "a" or "b", line and column), _E_LIMIT (above 16 MiB), _E_BUFFER_TOO_SMALL,
 *         _E_INVALID_ARGUMENT, _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_compare_runs(const char* a, size_t n_bytes_a, const char* b, size_t n_bytes_b,
                                               bitnet_comparison_t* out_comparison, char* out_json, size_t capacity,
                                               size_t* json_needed) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_RECEIPT_H_ */
