/*
 * Diff: two models in any forms (GGUF, SafeTensors, a folder) compared tensor by tensor, and what their files say about
 * them. Whether a conversion kept every weight, or what a fine-tuned model changed.
 */
#ifndef BITNET_DIFF_H_
#define BITNET_DIFF_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/callbacks.h>
#include <bitnet/export.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_diff_t bitnet_diff_t;

/* Zeros are the defaults. Switches are 0 or 1. */
typedef struct bitnet_diff_options_t {
  uint32_t struct_size;
  uint32_t i2s_arm_layout_a; /* the I2_S tensors have the layout that old Arm converters wrote */
  uint32_t i2s_arm_layout_b;
  uint32_t reserved;
  bitnet_progress_fn progress; /* bytes of both models; NULL: none */
  void* progress_user_data;
} bitnet_diff_options_t;
#define BITNET_DIFF_OPTIONS_INIT \
  { sizeof(bitnet_diff_options_t), 0, 0, 0, 0, 0 }

/**
 * Compares two models. Ternary weights are compared as codes and scales in the row order of Hugging Face, whatever type
 * holds them (of master weights, what they become at load); other weights as f32 values. Reads all weights, in memory
 * that does not grow with them. The models need not load: a file that only opens is compared as far as it goes.
 * @param path_a    UTF-8, borrowed for the call; as for bitnet_model_load().
 * @param options   NULL = defaults. Borrowed for the call.
 * @param out_diff  receives the result; NULL on failure. Free with bitnet_diff_free().
 * @return BITNET_OK, also when the models differ; _E_NOT_FOUND, _E_IO, _E_BAD_FORMAT, _E_UNSUPPORTED, _E_LIMIT,
 *         _E_NO_MEMORY, _E_CANCELLED (by progress), _E_INVALID_ARGUMENT.
 * @threading safe from any thread.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_diff(const char* path_a, const char* path_b, const bitnet_diff_options_t* options,
                                       bitnet_diff_t** out_diff) BITNET_NOEXCEPT;
/** NULL is legal. @since 0.1 */
BITNET_API void bitnet_diff_free(bitnet_diff_t* diff) BITNET_NOEXCEPT;

typedef struct bitnet_diff_info_t {
  uint32_t struct_size;
  uint32_t equal; /* 1: no tensor and no metadata differs */
  uint64_t n_tensors;
  uint64_t n_equal;              /* tensors, by outcome */
  uint64_t n_scale;              /* the same codes, another scale */
  uint64_t n_values;             /* codes or values differ */
  uint64_t n_shape;              /* shapes differ */
  uint64_t n_only_a;             /* missing in B */
  uint64_t n_only_b;             /* missing in A */
  uint64_t n_not_compared;       /* of two types, at least one of which is not decoded */
  uint64_t n_metadata;           /* keys, hyperparameters, parts of the tokenizer that were compared */
  uint64_t n_metadata_different; /* of these; what cannot be compared counts here */
  uint64_t n_notes;              /* of these, what differs and is no difference of the models; see
                                    bitnet_diff_metadata() */
} bitnet_diff_info_t;
#define BITNET_DIFF_INFO_INIT \
  { sizeof(bitnet_diff_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_diff_info(const bitnet_diff_t* diff, bitnet_diff_info_t* out_info) BITNET_NOEXCEPT;

typedef uint32_t bitnet_diff_outcome_t;
enum bitnet_diff_outcome {
  BITNET_DIFF_EQUAL = 0,
  BITNET_DIFF_SCALE = 1,
  BITNET_DIFF_VALUES = 2,
  BITNET_DIFF_SHAPE = 3,
  BITNET_DIFF_ONLY_A = 4,
  BITNET_DIFF_ONLY_B = 5,
  BITNET_DIFF_NOT_COMPARED = 6
};
/** "equal", "scale", "values", "shape", "only_a", "only_b", "not_compared"; "" for another number. Static. @since 0.1
 */
BITNET_API const char* bitnet_diff_outcome_name(bitnet_diff_outcome_t outcome) BITNET_NOEXCEPT;

/* One tensor, or pair of tensors. Texts live as long as the diff; names come from outside and may hold any bytes. */
typedef struct bitnet_tensor_diff_t {
  uint32_t struct_size;
  bitnet_diff_outcome_t outcome;
  const char* name;              /* as GGUF files call it: "blk.0.attn_q.weight" */
  const char *name_a, *name_b;   /* in the files; "" where there is none */
  const char *type_a, *type_b;   /* "I2_S", "BF16", ... */
  const char *shape_a, *shape_b; /* "[256, 768]", row-major */
  uint64_t n_compared;           /* codes or values; scales with BITNET_DIFF_SCALE; bytes of a type that is
                                    not decoded */
  uint64_t n_different;          /* of these */
  uint64_t first_different;      /* number of the first weight that differs, row by row; with BITNET_DIFF_SCALE the
                                    first that a different scale multiplies; of bytes, theirs */
  double max_difference;         /* of values, absolute, of ternary weights code times scale; 0 for bytes; infinite
                                    by a NaN */
  uint64_t n_scales;             /* of two ternary matrices: the scales compared, one where both have one for the
                                    whole matrix; none above nothing but zeros. Else 0 */
  uint64_t n_scales_different;   /* of these; with BITNET_DIFF_VALUES too */
} bitnet_tensor_diff_t;
#define BITNET_TENSOR_DIFF_INIT \
  { sizeof(bitnet_tensor_diff_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Tensor number `index`: those of A in file order, then those that B alone has.
 * @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_diff_tensor(const bitnet_diff_t* diff, size_t index,
                                              bitnet_tensor_diff_t* out_tensor) BITNET_NOEXCEPT;

/*
 * A key of the metadata that differs. Two GGUF files: every key; other pairs: "layers", "norm_eps", ... and
 * "tokenizer.tokens", ..., which every form has: what decides the ids of a text, in one notation. Long values are named
 * by their SHA-256; a value that begins with "not compared: " is of a kind that the other side does not have.
 */
typedef struct bitnet_metadata_diff_t {
  uint32_t struct_size;
  uint32_t reserved;
  const char* key;
  const char* a; /* as text; NULL: absent */
  const char* b;
} bitnet_metadata_diff_t;
#define BITNET_METADATA_DIFF_INIT \
  { sizeof(bitnet_metadata_diff_t), 0, 0, 0, 0 }

/**
 * Metadata difference number `index`; from n_metadata_different on, the n_notes notes: "general.file_type" and
 * "general.quantization_version" of two GGUF files with tensors of other types.
 * @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_diff_metadata(const bitnet_diff_t* diff, size_t index,
                                                bitnet_metadata_diff_t* out_metadata) BITNET_NOEXCEPT;

/** All of it as a JSON document. Two calls. @since 0.1 */
BITNET_API bitnet_status_t bitnet_diff_json(const bitnet_diff_t* diff, char* buf, size_t capacity,
                                            size_t* needed) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_DIFF_H_ */
