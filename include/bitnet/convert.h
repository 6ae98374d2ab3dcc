/*
 * Conversion of model files: any model that loads becomes a GGUF file with ternary linears. The work goes in bands of
 * rows, so that memory stays small whatever the model; the same input and options give the same bytes; the new file
 * appears whole or not at all. docs/formats.md says what is written.
 */
#ifndef BITNET_CONVERT_H_
#define BITNET_CONVERT_H_

#include <stdint.h>

#include <bitnet/callbacks.h>
#include <bitnet/engine.h>
#include <bitnet/export.h>
#include <bitnet/file.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t bitnet_ternary_type_t;
enum bitnet_ternary_type {
  BITNET_TERNARY_I2_S = 0,  /* 2 bits a weight, one f32 scale a matrix; rows are multiples of 128 */
  BITNET_TERNARY_TQ1_0 = 1, /* 1.69 bits a weight, an f16 scale for each 256; rows are multiples of 256 */
  BITNET_TERNARY_TQ2_0 = 2  /* 2.06 bits a weight, the same scales */
};

/* Of the embedding and, where there is one, the head. Norms are always F32. */
typedef uint32_t bitnet_table_type_t;
enum bitnet_table_type {
  BITNET_TABLE_F16 = 0,
  BITNET_TABLE_BF16 = 1,
  BITNET_TABLE_Q8_0 = 2, /* rows are multiples of 32 */
  BITNET_TABLE_Q6_K = 3  /* rows are multiples of 256 */
};

/* Zeros are the defaults. Switches are 0 or 1. */
typedef struct bitnet_convert_options_t {
  uint32_t struct_size;
  bitnet_ternary_type_t ternary;
  bitnet_table_type_t table;
  uint32_t overwrite;      /* replace a file that is at the target; without it that is BITNET_E_IO */
  uint32_t i2s_arm_layout; /* the source's I2_S tensors have the layout that old Arm converters wrote */
  uint32_t reserved;
  const char* name;            /* general.name; NULL: the source's (config.json: the last part of _name_or_path) */
  const char* pre;             /* tokenizer.ggml.pre; NULL: the source's */
  bitnet_progress_fn progress; /* NULL: none; its bytes are those that are read */
  void* progress_user_data;
  /* In place of the source's own tokenizer: a tokenizer.json or a tokenizer.model, with what lies beside it, a GGUF, or
   * a folder that has one. NULL: the source's. */
  const char* tokenizer;
} bitnet_convert_options_t;
#define BITNET_CONVERT_OPTIONS_INIT \
  { sizeof(bitnet_convert_options_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* What was written. */
typedef struct bitnet_convert_report_t {
  uint32_t struct_size;
  uint32_t n_tensors;
  uint64_t file_bytes;
  uint64_t n_codes;      /* ternary weights: each was read back from the new file and compared with the source's */
  uint32_t exact_scales; /* 0: some were rounded to f16, which is what the TQ types hold */
  char ternary_sha256[BITNET_SHA256_HEX_SIZE]; /* of the new file, as bitnet_model_ternary_sha256() gives it */
  char ternary_scales_sha256[BITNET_SHA256_HEX_SIZE];
  char reserved[2];
} bitnet_convert_report_t;
#define BITNET_CONVERT_REPORT_INIT                               \
  {                                                              \
    sizeof(bitnet_convert_report_t), 0, 0, 0, 0, {0}, {0}, { 0 } \
  }

/**
 * Converts a model to a GGUF file. Master weights are made ternary as loading does it; norms that are stored quantised
 * are refused, since no conversion brings back what they were. Before the new file gets its name it is opened with the
 * ordinary reader and all its codes are compared with the source's.
 * @param engine      lends its threads; what it warns of goes to its log.
 * @param source      UTF-8: a GGUF file, a SafeTensors file with its config.json and tokenizer beside it, or the
 *                    folder of a Hugging Face model. Borrowed for the call.
 * @param target      UTF-8: the file to write, none of the source's. Borrowed for the call.
 * @param options     NULL = defaults. Borrowed for the call.
 * @param out_report  may be NULL.
 * @return BITNET_OK; _E_NOT_FOUND, _E_IO, _E_BAD_FORMAT, _E_UNSUPPORTED (the source; or scales, or row lengths, that
 * the chosen types cannot hold), _E_LIMIT, _E_NO_MEMORY, _E_CANCELLED (by progress), _E_INVALID_ARGUMENT, _E_INTERNAL
 * (the new file differs: a bug). Where the target is at fault, bitnet_error_info_t.what is "output". After a failure
 * the target is as it was, and nothing is left beside it.
 * @threading safe from any thread.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_convert(const bitnet_engine_t* engine, const char* source, const char* target,
                                          const bitnet_convert_options_t* options,
                                          bitnet_convert_report_t* out_report) BITNET_NOEXCEPT;

/* Zeros are the defaults. Switches are 0 or 1. */
typedef struct bitnet_export_options_t {
  uint32_t struct_size;
  uint32_t i2s_arm_layout;     /* as for a conversion */
  bitnet_progress_fn progress; /* NULL: none */
  void* progress_user_data;
} bitnet_export_options_t;
#define BITNET_EXPORT_OPTIONS_INIT \
  { sizeof(bitnet_export_options_t), 0, 0, 0 }

/**
 * The way back: a Hugging Face folder of packed ternary weights (`quant_method: bitnet`, `linear_class:
 * autobitlinear`): config.json and model.safetensors with U8 codes, `weight_scale` in F32, the embedding in its own
 * dense type (from blocks: F32) and norms in F32. The files of the tokenizer and its template are copied where the
 * source is such a folder; from a GGUF a tokenizer.json of the same rules is made, read again and compared, or, where
 * none can say the same, none is written, and the log says why. All codes are read back and compared. Scales that
 * differ within a matrix are BITNET_E_UNSUPPORTED.
 * @param target  UTF-8: a folder that is not there yet, or is empty; it appears whole.
 * @return as bitnet_convert().
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_export_safetensors(const bitnet_engine_t* engine, const char* source,
                                                     const char* target, const bitnet_export_options_t* options,
                                                     bitnet_convert_report_t* out_report) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_CONVERT_H_ */
