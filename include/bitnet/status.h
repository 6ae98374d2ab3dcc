/* What a call returns, and the detail behind a failure. */
#ifndef BITNET_STATUS_H_
#define BITNET_STATUS_H_

#include <stdint.h>

#include <bitnet/export.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0 is success. The numbers never change; new ones are added inside their group of ten. */
typedef int32_t bitnet_status_t;
enum bitnet_status {
  BITNET_OK = 0,
  BITNET_E_INVALID_ARGUMENT = 1, /* a bad value in the call */
  BITNET_E_BAD_STATE = 2,        /* the object cannot do this now, or is inside another call */
  BITNET_E_BUFFER_TOO_SMALL = 3, /* nothing was written; the size that is needed was */
  BITNET_E_NOT_FOUND = 10,       /* no such file, metadata key or index */
  BITNET_E_IO = 11,              /* a file that cannot be read or written */
  BITNET_E_NO_MEMORY = 12,
  BITNET_E_CANCELLED = 13,          /* by bitnet_session_cancel() or by a callback */
  BITNET_E_BAD_FORMAT = 20,         /* a file that breaks its format */
  BITNET_E_UNSUPPORTED = 21,        /* a valid file that this library does not run */
  BITNET_E_LIMIT = 22,              /* a count in a file that is beyond every sane size */
  BITNET_E_MODEL_MISMATCH = 23,     /* a saved state of another model or cache type */
  BITNET_E_NON_FINITE = 30,         /* an infinity or NaN met while computing */
  BITNET_E_CONTEXT_FULL = 31,       /* more tokens than the context holds */
  BITNET_E_TARGET_UNAVAILABLE = 32, /* a CPU target or device that is not available here */
  BITNET_E_POLICY_INVALID = 40,
  BITNET_E_POLICY_NO_MATCH = 41,
  BITNET_E_POLICY_REFUSED = 42,
  BITNET_E_POLICY_POSTCONDITION = 43,
  BITNET_E_RECEIPT_REJECTED = 50,
  BITNET_E_REPLAY_DIFFERS = 51,
  BITNET_E_INTERNAL = 90 /* a bug of ours: please report the message */
};

/** "bad format" for BITNET_E_BAD_FORMAT and so on; "unknown status" for a number that is none. Static. @since 0.1 */
BITNET_API const char* bitnet_status_name(bitnet_status_t status) BITNET_NOEXCEPT;

#define BITNET_NO_OFFSET UINT64_MAX

/* Detail of the last failure on this thread. Fill with BITNET_ERROR_INFO_INIT before the call. */
typedef struct bitnet_error_info_t {
  uint32_t struct_size;
  bitnet_status_t status;
  uint64_t offset;     /* byte in the file, or BITNET_NO_OFFSET */
  const char* message; /* one lower-case line: what is wrong, found, expected, what to do; "" after a success */
  const char* what;    /* the tensor, key, option or rule, or "" */
} bitnet_error_info_t;
#define BITNET_ERROR_INFO_INIT \
  { sizeof(bitnet_error_info_t), 0, 0, 0, 0 }

/**
 * Every call that returns a status first clears the calling thread's error, and sets it when it fails. Both functions
 * below leave it alone. Their texts stay valid until the next such call on this thread; very long ones are cut.
 * @since 0.1
 */
BITNET_API const char* bitnet_last_error_message(void) BITNET_NOEXCEPT;
BITNET_API bitnet_status_t bitnet_last_error(bitnet_error_info_t* out_info) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_STATUS_H_ */
