/*
 * File: what lies in a model file, without loading it: metadata, tensors, digest, and how much memory it would take.
 * A vocabulary-only file opens too.
 */
#ifndef BITNET_FILE_H_
#define BITNET_FILE_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/export.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_file_t bitnet_file_t;

/* 64 lower-case hex digits and a NUL. */
#define BITNET_SHA256_HEX_SIZE 65

/**
 * Opens a GGUF file (version 2 or 3) and checks all of its header; reads no weights.
 * @param path      UTF-8, borrowed for the call.
 * @param out_file  receives the file; NULL on failure. Free with bitnet_file_free().
 * @return BITNET_OK, _E_NOT_FOUND, _E_IO, _E_BAD_FORMAT, _E_UNSUPPORTED, _E_LIMIT, _E_NO_MEMORY.
 * @threading safe from any thread; a file is immutable.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_file_open(const char* path, bitnet_file_t** out_file) BITNET_NOEXCEPT;
/** The same from memory, which must stay valid and unchanged until the file is freed. @since 0.1 */
BITNET_API bitnet_status_t bitnet_file_open_memory(const void* data, size_t n_bytes,
                                                   bitnet_file_t** out_file) BITNET_NOEXCEPT;
/** NULL is legal. Never for a file that belongs to a model, see bitnet_model_file(). @since 0.1 */
BITNET_API void bitnet_file_free(bitnet_file_t* file) BITNET_NOEXCEPT;

typedef struct bitnet_file_info_t {
  uint32_t struct_size;
  uint32_t gguf_version;
  uint64_t n_metadata;
  uint64_t n_tensors; /* 0: a vocabulary only */
  uint64_t size_bytes;
  uint64_t data_offset; /* of the tensor data */
  uint64_t alignment;   /* of the tensor data, in bytes */
} bitnet_file_info_t;
#define BITNET_FILE_INFO_INIT \
  { sizeof(bitnet_file_info_t), 0, 0, 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_file_info(const bitnet_file_t* file, bitnet_file_info_t* out_info) BITNET_NOEXCEPT;

/* One key of the metadata. Texts live as long as the file; they come from outside and may hold any bytes. */
typedef struct bitnet_metadata_t {
  uint32_t struct_size;
  uint32_t reserved;
  const char* key;          /* NUL-terminated */
  const char* type;         /* "u8" ... "f64", "bool", "string", "array" */
  const char* element_type; /* of an array, else "" */
  uint64_t count;           /* elements of an array, else 1 */
  uint64_t offset;          /* of the value in the file */
} bitnet_metadata_t;
#define BITNET_METADATA_INIT \
  { sizeof(bitnet_metadata_t), 0, 0, 0, 0, 0, 0 }

/** Key number `index`, in file order. @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_file_metadata(const bitnet_file_t* file, size_t index,
                                                bitnet_metadata_t* out_metadata) BITNET_NOEXCEPT;

/**
 * The value of a key as text: a number in its shortest exact form, true or false, a string as its bytes, an array as
 * JSON.
 * @param buf     receives the text and a NUL; NULL with capacity 0 asks for the size only.
 * @param needed  receives the bytes needed, the NUL included.
 * @return BITNET_OK, _E_NOT_FOUND (key), _E_BUFFER_TOO_SMALL, _E_INVALID_ARGUMENT, _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_file_metadata_text(const bitnet_file_t* file, const char* key, char* buf,
                                                     size_t capacity, size_t* needed) BITNET_NOEXCEPT;

typedef struct bitnet_tensor_t {
  uint32_t struct_size;
  uint32_t n_dims;
  const char* name;  /* lives as long as the file; may hold any bytes */
  const char* type;  /* "I2_S", "F32", ...; lives as long as the file */
  uint64_t shape[4]; /* row-major: [rows, cols] of a matrix; unused ones are 1 */
  uint64_t n_bytes;
  uint64_t offset; /* in the file */
} bitnet_tensor_t;
#define BITNET_TENSOR_INIT \
  { sizeof(bitnet_tensor_t), 0, 0, 0, {0, 0, 0, 0}, 0, 0 }

/** Tensor number `index`, in file order. @return BITNET_OK, _E_NOT_FOUND (index), _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_file_tensor(const bitnet_file_t* file, size_t index,
                                              bitnet_tensor_t* out_tensor) BITNET_NOEXCEPT;

/** SHA-256 of the whole file; reads all of it. @since 0.1 */
BITNET_API bitnet_status_t bitnet_file_sha256(const bitnet_file_t* file,
                                              char out_hex[BITNET_SHA256_HEX_SIZE]) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_FILE_H_ */
