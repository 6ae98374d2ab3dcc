/* Model: weights checked and packed for an engine, with its tokenizer. Immutable; shared by sessions on any threads. */
#ifndef BITNET_MODEL_H_
#define BITNET_MODEL_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/callbacks.h>
#include <bitnet/engine.h>
#include <bitnet/export.h>
#include <bitnet/file.h>
#include <bitnet/policy.h>
#include <bitnet/status.h>
#include <bitnet/tokenizer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_model_t bitnet_model_t;

typedef uint32_t bitnet_load_mode_t;
enum bitnet_load_mode {
  BITNET_LOAD_AUTO = 0, /* as BITNET_LOAD_MAP, but the weights that every token reads are copied into memory where that
                           makes decoding faster: where the kernel gives huge pages, half of the memory to spare is
                           enough, and no GPU computes */
  BITNET_LOAD_COPY = 1, /* the whole file is read once into memory; it may change afterwards */
  BITNET_LOAD_MAP = 2   /* weights stay in the mapped file, shared with other processes; if one cuts the file short, or
                           the file system cannot read a page, access raises SIGBUS: no library can turn that into a
                           status */
};

/* Zeros are the defaults. Switches are 0 or 1. */
typedef struct bitnet_model_options_t {
  uint32_t struct_size;
  bitnet_load_mode_t mode;
  uint32_t verify;                 /* also read every dense tensor; each load checks header, codes and scales */
  uint32_t i2s_arm_layout;         /* the I2_S tensors have the layout that old Arm converters wrote */
  uint32_t allow_suspicious_norms; /* load norms that are stored quantised, which usually means a bad conversion */
  uint32_t allow_dense_linears;    /* load linears that are not ternary, and compute them as dense or block matrices */
  const char* pre;                 /* overrides the file's tokenizer.ggml.pre; NULL: the file's */
  const bitnet_tokenizer_t* tokenizer; /* replaces the file's own (sizes must agree); NULL: the file's */
  bitnet_progress_fn progress;         /* NULL: none */
  void* progress_user_data;
  const bitnet_policy_t* policy; /* corrections for a known-bad file, needs allow_corrections; NULL: none */
  const char* sha256;         /* the file's, 64 lower-case hex digits, if the host knows it; NULL: computed if needed */
  uint32_t allow_corrections; /* the permission to apply a policy */
  uint32_t strict;            /* refuse every correction and every suspicious norm */
  uint32_t hash;              /* the SHA-256 of file and weights while it loads, by one thread more: for receipts */
  uint32_t reserved;
} bitnet_model_options_t;
#define BITNET_MODEL_OPTIONS_INIT \
  { sizeof(bitnet_model_options_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Loads a model: a GGUF file, a SafeTensors file with its config.json and tokenizer.json (or tokenizer.model) beside
 * it, or the folder of a Hugging Face model (sharded or not; packed or master weights). Told apart by content, never by
 * the name.
 * @param path       UTF-8, borrowed for the call.
 * @param options    NULL = defaults. Borrowed for the call.
 * @param out_model  receives the model; NULL on failure. Free with bitnet_model_free().
 * @return BITNET_OK, _E_NOT_FOUND, _E_IO, _E_BAD_FORMAT, _E_UNSUPPORTED, _E_LIMIT, _E_NO_MEMORY, _E_CANCELLED (by
 *         progress), _E_INVALID_ARGUMENT; _E_POLICY_REFUSED (a policy without the permission, the permission without a
 *         policy, or strict), _E_POLICY_INVALID, _E_POLICY_POSTCONDITION. A policy that does not match is no error: it
 *         is logged, and the raw model loads.
 * @threading safe from any thread.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_model_load(const bitnet_engine_t* engine, const char* path,
                                             const bitnet_model_options_t* options,
                                             bitnet_model_t** out_model) BITNET_NOEXCEPT;

/**
 * The same from memory. Unless the mode is BITNET_LOAD_COPY, which borrows the bytes for the call, they must stay
 * valid and unchanged until the model and all its sessions are freed.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_model_load_memory(const bitnet_engine_t* engine, const void* data, size_t n_bytes,
                                                    const bitnet_model_options_t* options,
                                                    bitnet_model_t** out_model) BITNET_NOEXCEPT;

/**
 * The same from n_bytes that `read` delivers, for archives, databases and the like; they are copied, `mode` is
 * ignored. A read that does not return 0 ends the load with BITNET_E_IO.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_model_load_callback(const bitnet_engine_t* engine, bitnet_read_fn read,
                                                      void* read_user_data, uint64_t n_bytes,
                                                      const bitnet_model_options_t* options,
                                                      bitnet_model_t** out_model) BITNET_NOEXCEPT;

/** NULL is legal, and so is freeing it before its sessions. @since 0.1 */
BITNET_API void bitnet_model_free(bitnet_model_t* model) BITNET_NOEXCEPT;

/* What the model is. Texts live as long as the model; `name` comes from outside and may hold any bytes. */
typedef struct bitnet_model_info_t {
  uint32_t struct_size;
  uint32_t n_layers;
  uint32_t n_embd; /* width of the residual stream */
  uint32_t n_ff;
  uint32_t n_heads;
  uint32_t n_heads_kv;
  uint32_t head_dim;
  uint32_t n_rot; /* values of a head that RoPE turns */
  uint32_t n_vocab;
  uint32_t n_ctx_train; /* context length that the model was made for */
  float norm_eps;
  float rope_base;
  float rope_linear_factor; /* 1: no scaling */
  uint32_t rope_adjacent;   /* 1: pairs (2k, 2k+1); 0: (k, k + n_rot/2) */
  uint32_t silu;            /* 1: SiLU gate; 0: squared ReLU */
  uint32_t sub_norms;       /* 1: norms inside attention and feed-forward */
  uint32_t tied_head;       /* 1: the head is the token embedding */
  uint32_t corrected;       /* 1: a correction policy changed the loaded copy */
  uint64_t n_params;
  uint64_t size_bytes;          /* of the file */
  uint64_t buffer_bytes;        /* memory that the model owns */
  const char* architecture;     /* "bitnet-b1.58", "bitnet" or "llama" */
  const char* architecture_key; /* as the file spells it */
  const char* name;             /* general.name, or "" */
  const char* quantization;     /* type of most linear weights: "I2_S", ... */
  const char* path;             /* "" when not loaded from a path */
  uint32_t n_dense_linears;     /* linear matrices that are not ternary, computed as dense or block matrices */
  uint32_t reserved;
  uint64_t mapped_bytes; /* of the file, or of the host's memory, used where they are */
} bitnet_model_info_t;
#define BITNET_MODEL_INFO_INIT \
  { sizeof(bitnet_model_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_model_info(const bitnet_model_t* model,
                                             bitnet_model_info_t* out_info) BITNET_NOEXCEPT;

/**
 * By which mark of its content the model was recognised, and how its weights are stored: one line for people. Lives as
 * long as the model. "" for NULL.
 * @since 0.1
 */
BITNET_API const char* bitnet_model_detected(const bitnet_model_t* model) BITNET_NOEXCEPT;

/** The model's tokenizer; lives as long as the model, never freed on its own. NULL for NULL. @since 0.1 */
BITNET_API const bitnet_tokenizer_t* bitnet_model_tokenizer(const bitnet_model_t* model) BITNET_NOEXCEPT;

/** The model's file or files: metadata (GGUF alone has some) and tensors. Lives as long as the model. NULL for NULL.
 * @since 0.1 */
BITNET_API const bitnet_file_t* bitnet_model_file(const bitnet_model_t* model) BITNET_NOEXCEPT;

/**
 * SHA-256 over all ternary codes (one byte 0..2 a weight, [out, in], tensors in graph order), and over all their f32
 * scales: equal for files of any type that hold the same weights. Reads all weights at the first call for a model, or
 * while it loads (bitnet_model_options_t.hash). Safe from any thread.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_model_ternary_sha256(const bitnet_model_t* model,
                                                       char out_hex[BITNET_SHA256_HEX_SIZE]) BITNET_NOEXCEPT;
BITNET_API bitnet_status_t bitnet_model_ternary_scales_sha256(const bitnet_model_t* model,
                                                              char out_hex[BITNET_SHA256_HEX_SIZE]) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_MODEL_H_ */
