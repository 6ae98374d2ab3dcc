/*
 * Inspection: statistics of a model file's tensors, and which of its norms are suspicious. It reads files that would
 * not load, and changes nothing. docs/corrections.md tells the whole story.
 */
#ifndef BITNET_INSPECT_H_
#define BITNET_INSPECT_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/export.h>
#include <bitnet/file.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_inspection_t bitnet_inspection_t;

/* Zeros are the defaults. Switches are 0 or 1. */
typedef struct bitnet_inspect_options_t {
  uint32_t struct_size;
  uint32_t weights; /* also read all other tensors: seconds for large files */
  uint32_t no_gate; /* statistics only: nothing is suspicious */
  uint32_t reserved;
  const char* rules;  /* text of a ruleset (YAML) in place of the built-in rules; NULL: those */
  const char* sha256; /* the file's, 64 lower-case hex digits, if the host knows it; NULL: computed, which reads all */
} bitnet_inspect_options_t;
#define BITNET_INSPECT_OPTIONS_INIT \
  { sizeof(bitnet_inspect_options_t), 0, 0, 0, 0, 0 }

/**
 * @param options         NULL = defaults. Borrowed for the call.
 * @param out_inspection  receives the result; NULL on failure. Free with bitnet_inspection_free().
 * @return BITNET_OK, also when something is suspicious; _E_POLICY_INVALID (the ruleset), _E_POLICY_NO_MATCH (it has no
 *         rules for this model), _E_INVALID_ARGUMENT, _E_NO_MEMORY.
 * @threading safe from any thread.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_inspect(const bitnet_file_t* file, const bitnet_inspect_options_t* options,
                                          bitnet_inspection_t** out_inspection) BITNET_NOEXCEPT;
/** NULL is legal. @since 0.1 */
BITNET_API void bitnet_inspection_free(bitnet_inspection_t* inspection) BITNET_NOEXCEPT;

/* Texts live as long as the inspection; those from the file may hold any bytes. */
typedef struct bitnet_inspection_info_t {
  uint32_t struct_size;
  uint32_t n_layers;
  uint64_t n_tensors; /* that were looked at: the norms, or all with options.weights */
  uint64_t n_suspicious;
  const char* sha256; /* of the whole file */
  const char* name;   /* general.name */
  const char* architecture;
  const char* quantization; /* type of most linear weights */
  const char* rules;        /* which rules judged, "" without a gate */
  const char* cause;        /* the likely cause, one line; "" without a suspect */
  const char* fix;          /* what to do */
  const char* temporary;    /* what to do until then; "" when no policy can repair it */
} bitnet_inspection_info_t;
#define BITNET_INSPECTION_INFO_INIT \
  { sizeof(bitnet_inspection_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_inspection_info(const bitnet_inspection_t* inspection,
                                                  bitnet_inspection_info_t* out_info) BITNET_NOEXCEPT;

typedef uint32_t bitnet_tensor_kind_t;
enum bitnet_tensor_kind { BITNET_TENSOR_NORM = 0, BITNET_TENSOR_TERNARY = 1, BITNET_TENSOR_OTHER = 2 };

typedef struct bitnet_tensor_report_t {
  uint32_t struct_size;
  bitnet_tensor_kind_t kind;
  int32_t layer;     /* -1: of the whole model */
  uint32_t readable; /* 1: rms is known */
  const char* name;
  const char* cls;                            /* "attn_norm": the name without layer and ending */
  const char* type;                           /* "F32", "Q8_0", ... */
  const char* suspicions;                     /* why it is suspicious, parts joined by "; "; "" when it is not */
  const char* source;                         /* where the expected range comes from, or "" */
  double rms;                                 /* sqrt(mean(x^2)); NaN or infinite where a value is */
  double min, max;                            /* norms: of the finite values */
  double expected_min, expected_max;          /* accepted RMS; both 0: no rule says anything */
  uint64_t n_values, n_nan, n_inf, n_zero;    /* norms */
  double share_minus, share_zero, share_plus; /* ternary: of the codes */
  double scale_min, scale_max;                /* ternary: equal when there is one scale */
} bitnet_tensor_report_t;
#define BITNET_TENSOR_REPORT_INIT \
  { sizeof(bitnet_tensor_report_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Tensor number `index`, in file order. @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_inspection_tensor(const bitnet_inspection_t* inspection, size_t index,
                                                    bitnet_tensor_report_t* out_report) BITNET_NOEXCEPT;

/**
 * A policy (YAML) that repairs exactly the suspicious norms and matches this file alone. Two calls: with (NULL, 0) the
 * needed size, then the text.
 * @return BITNET_OK, _E_POLICY_INVALID (nothing to repair, or damage that no policy repairs), _E_BUFFER_TOO_SMALL.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_inspection_policy(const bitnet_inspection_t* inspection, char* buf, size_t capacity,
                                                    size_t* needed) BITNET_NOEXCEPT;
/** All of it as a JSON document. Two calls. @since 0.1 */
BITNET_API bitnet_status_t bitnet_inspection_json(const bitnet_inspection_t* inspection, char* buf, size_t capacity,
                                                  size_t* needed) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_INSPECT_H_ */
