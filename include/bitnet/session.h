/*
 * Session: a context of tokens with its key-value cache, and a generation. One thread at a time uses a session
 * (another thread gets BITNET_E_BAD_STATE), except for bitnet_session_cancel().
 */
#ifndef BITNET_SESSION_H_
#define BITNET_SESSION_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/export.h>
#include <bitnet/facts.h>
#include <bitnet/model.h>
#include <bitnet/status.h>
#include <bitnet/tokenizer.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_session_t bitnet_session_t;

/* Element type of the key-value cache. It changes the results, so it is part of what a run reports. */
typedef uint32_t bitnet_kv_type_t;
enum bitnet_kv_type { BITNET_KV_F16 = 0, BITNET_KV_F32 = 1 };

/* How the largest logits are found; the results are equal bit for bit. */
typedef uint32_t bitnet_head_t;
enum bitnet_head {
  BITNET_HEAD_AUTO = 0,
  BITNET_HEAD_FULL = 1,    /* compute the whole row */
  BITNET_HEAD_SHORTCUT = 2 /* select candidates with a proven bound, compute those exactly */
};

/* Zeros are the defaults. */
typedef struct bitnet_session_options_t {
  uint32_t struct_size;
  uint32_t n_ctx;           /* tokens that fit; 0: min(context length of the model, 4096) */
  bitnet_kv_type_t kv_type; /* of the cache; changes results */
  bitnet_head_t head;
  uint32_t chunk; /* tokens a pass takes at most; 0: chosen. Results do not depend on it */
  uint32_t reserved;
} bitnet_session_options_t;
#define BITNET_SESSION_OPTIONS_INIT \
  { sizeof(bitnet_session_options_t), 0, 0, 0, 0, 0 }

/**
 * @param options      NULL = defaults. Borrowed for the call.
 * @param out_session  receives the session; NULL on failure. Free with bitnet_session_free().
 * @return BITNET_OK, _E_INVALID_ARGUMENT, _E_UNSUPPORTED (BITNET_HEAD_SHORTCUT with a head that has none),
 *         _E_NO_MEMORY, _E_TARGET_UNAVAILABLE (a GPU that failed).
 * @threading safe from any thread.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_create(const bitnet_model_t* model, const bitnet_session_options_t* options,
                                                 bitnet_session_t** out_session) BITNET_NOEXCEPT;
/** NULL is legal. Inside a callback of the session itself it takes effect when the call returns. @since 0.1 */
BITNET_API void bitnet_session_free(bitnet_session_t* session) BITNET_NOEXCEPT;

typedef struct bitnet_session_info_t {
  uint32_t struct_size;
  uint32_t position; /* tokens in the context */
  uint32_t n_ctx;
  bitnet_kv_type_t kv_type;
  bitnet_head_t head;
  uint32_t n_logits;   /* rows whose logits can be read */
  uint32_t generating; /* 1: next would draw */
  uint32_t reserved;
} bitnet_session_info_t;
#define BITNET_SESSION_INFO_INIT \
  { sizeof(bitnet_session_info_t), 0, 0, 0, 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT, _E_BAD_STATE (inside another call). @since 0.1 */
BITNET_API bitnet_status_t bitnet_session_info(const bitnet_session_t* session,
                                               bitnet_session_info_t* out_info) BITNET_NOEXCEPT;
/** The tokens in the context. Two calls, as bitnet_tokenizer_encode(). @since 0.1 */
BITNET_API bitnet_status_t bitnet_session_tokens(const bitnet_session_t* session, int32_t* ids, size_t capacity,
                                                 size_t* n_ids) BITNET_NOEXCEPT;

/* ---- Evaluation ---------------------------------------------------------------------------------------------- */

/* Rows whose logits can be read after an evaluation. */
typedef uint32_t bitnet_want_t;
enum bitnet_want { BITNET_WANT_LAST = 0, BITNET_WANT_ALL = 1, BITNET_WANT_NONE = 2 };

/**
 * Appends tokens to the context. On any failure the context stays as it was; rows of logits may be gone.
 * @return BITNET_OK, _E_INVALID_ARGUMENT (no tokens, an id outside the vocabulary), _E_CONTEXT_FULL, _E_CANCELLED,
 *         _E_NON_FINITE, _E_NO_MEMORY, _E_BAD_STATE.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_eval(bitnet_session_t* session, const int32_t* tokens, size_t n_tokens,
                                               bitnet_want_t want) BITNET_NOEXCEPT;

/* One session's part of a batch. */
typedef struct bitnet_batch_item_t {
  bitnet_session_t* session;
  const int32_t* tokens;
  size_t n_tokens;
  bitnet_want_t want;
  uint32_t reserved; /* 0 */
} bitnet_batch_item_t;

/**
 * Evaluates several different sessions of one model in one pass: faster than one after the other, with equal results.
 * On any failure every context stays as it was; rows of logits may be gone.
 * @return as bitnet_session_eval(); _E_INVALID_ARGUMENT also for a session that occurs twice or of another model.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_eval_batch(const bitnet_batch_item_t* items, size_t n_items) BITNET_NOEXCEPT;

/**
 * Raw logits of row `row` of the last evaluation, computed at the first request; that of one session of a batch
 * computes the last rows of others too.
 * @param out_logits  receives a view of [n_vocab] floats, valid until the next call with this session that evaluates,
 *                    draws or changes the context, and at most until logits or top of another row.
 * @param out_n       receives n_vocab; may be NULL.
 * @return BITNET_OK, _E_INVALID_ARGUMENT (also: no such row), _E_NON_FINITE, _E_NO_MEMORY, _E_BAD_STATE.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_logits(bitnet_session_t* session, size_t row, const float** out_logits,
                                                 size_t* out_n) BITNET_NOEXCEPT;

typedef struct bitnet_candidate_t {
  int32_t token;
  float logit;
  double log_probability; /* natural logarithm of softmax over the whole row, by the C library's exp and log: for
                             reading, not part of any digest */
} bitnet_candidate_t;

/**
 * The `n` most probable tokens of row `row`, descending, ties by lower id; at most 256 and n_vocab.
 * @param out_candidates  [n].
 * @param out_n           receives how many were written.
 * @return as bitnet_session_logits().
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_top(bitnet_session_t* session, size_t row, size_t n,
                                              bitnet_candidate_t* out_candidates, size_t* out_n) BITNET_NOEXCEPT;

/* ---- Generation ---------------------------------------------------------------------------------------------- */

/* Zeros are the defaults. docs/numerics.md says in which order the options work. */
typedef struct bitnet_generate_options_t {
  uint32_t struct_size;
  uint32_t max_new_tokens; /* 0: 128 */
  float temperature;       /* 0: greedy */
  uint32_t top_k;          /* 0: all candidates (256 at most) */
  float top_p;             /* (0, 1]; 0: 1 */
  float min_p;             /* [0, 1] */
  float repeat_penalty;    /* > 0; 0: 1, which is none */
  uint32_t repeat_last_n;  /* tokens that the penalty looks back; 0: 64 */
  uint64_t seed;           /* the same seed, model, tokens and options: the same text, anywhere */
  uint32_t ignore_eos;     /* 1: stop ids do not stop, those of `stop_ids` neither */
  uint32_t n_stop_ids;
  const int32_t* stop_ids;         /* [n_stop_ids] of the vocabulary, besides its own */
  const char* const* stop_strings; /* [n_stop_strings] texts, UTF-8, that end the generation; may span tokens */
  uint32_t n_stop_strings;
  uint32_t reserved;
} bitnet_generate_options_t;
#define BITNET_GENERATE_OPTIONS_INIT \
  { sizeof(bitnet_generate_options_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

typedef uint32_t bitnet_stop_reason_t;
enum bitnet_stop_reason {
  BITNET_STOP_NONE = 0, /* not yet */
  BITNET_STOP_ID = 1,
  BITNET_STOP_STRING = 2,
  BITNET_STOP_LENGTH = 3,  /* max_new_tokens drawn */
  BITNET_STOP_CONTEXT = 4, /* the context is full */
  BITNET_STOP_CANCELLED = 5
};
/** "stop_id", "stop_string", "length", "context", "cancelled"; "" for BITNET_STOP_NONE. Static. @since 0.1 */
BITNET_API const char* bitnet_stop_reason_name(bitnet_stop_reason_t reason) BITNET_NOEXCEPT;

/* One drawn token. */
typedef struct bitnet_step_t {
  uint32_t struct_size;
  int32_t token;    /* -1: nothing was drawn, the generation is over */
  const char* text; /* whole UTF-8 characters that can be shown now, often "" : a piece of a character or of
                       a stop string is held back. NUL-terminated, valid until the next call with the session */
  size_t text_bytes;
  bitnet_stop_reason_t reason; /* set with the last step, which may still carry a token and text */
  uint32_t reserved;
} bitnet_step_t;
#define BITNET_STEP_INIT \
  { sizeof(bitnet_step_t), 0, 0, 0, 0, 0 }

/**
 * Starts a generation: evaluates the prompt after what is in the context. A drawn token joins the context with the next
 * draw, so the last one is not in it: to go on after BITNET_STOP_LENGTH, begin with that token as the prompt.
 * @param prompt   token ids; none (NULL, 0) continues from an evaluation that kept the last row.
 * @param options  NULL = defaults. Borrowed for the call.
 * @return as bitnet_session_eval(); _E_INVALID_ARGUMENT also for an option out of range, _E_BAD_STATE also when there
 *         is neither a prompt nor a row to draw from.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_begin(bitnet_session_t* session, const int32_t* prompt, size_t n_prompt,
                                                const bitnet_generate_options_t* options) BITNET_NOEXCEPT;

/**
 * The same for messages of a conversation, in a chat form with its stop strings: bitnet_tokenizer_apply_chat(), then
 * bitnet_session_begin(). It renders a conversation from its start, so it belongs at the start of a context.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_begin_chat(bitnet_session_t* session, const char* form,
                                                     const bitnet_chat_message_t* messages, size_t n_messages,
                                                     const bitnet_generate_options_t* options) BITNET_NOEXCEPT;

/**
 * Draws one token. While the generation runs: step->reason is BITNET_STOP_NONE. After its end every further call gives
 * a step with token -1.
 * @return BITNET_OK, _E_BAD_STATE (no generation), _E_NON_FINITE, _E_INVALID_ARGUMENT. A cancelled generation is a step
 *         with BITNET_STOP_CANCELLED.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_next(bitnet_session_t* session, bitnet_step_t* out_step) BITNET_NOEXCEPT;

/* Receives every step of bitnet_session_generate(). */
typedef int32_t (*bitnet_token_fn)(const bitnet_step_t* step, void* user_data);

/**
 * begin and next until the end, each step handed to `on_token` on the calling thread.
 * @return as begin and next; _E_CANCELLED when on_token returned something else than 0 or the session was cancelled:
 *         the generation is over then too.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_generate(bitnet_session_t* session, const int32_t* prompt, size_t n_prompt,
                                                   const bitnet_generate_options_t* options, bitnet_token_fn on_token,
                                                   void* user_data) BITNET_NOEXCEPT;

/** Text of the last generation, without stop id and stop text. Two calls, as bitnet_tokenizer_decode(). @since 0.1 */
BITNET_API bitnet_status_t bitnet_session_generated_text(const bitnet_session_t* session, char* buf, size_t capacity,
                                                         size_t* needed) BITNET_NOEXCEPT;
/** Tokens drawn by the last generation, a stop id included. Two calls, as bitnet_tokenizer_encode(). @since 0.1 */
BITNET_API bitnet_status_t bitnet_session_generated_tokens(const bitnet_session_t* session, int32_t* ids,
                                                           size_t capacity, size_t* n_ids) BITNET_NOEXCEPT;

/**
 * Ends the running evaluation or generation soon, or the next one if none runs; in a batch the evaluation of all its
 * sessions. Does nothing for NULL.
 * @threading any thread, and signal handlers; the session must not be freed meanwhile.
 * @since 0.1
 */
BITNET_API void bitnet_session_cancel(bitnet_session_t* session) BITNET_NOEXCEPT;

/* ---- Context ------------------------------------------------------------------------------------------------- */

/** Empties the context; a generation is over. @return BITNET_OK, _E_BAD_STATE, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_session_clear(bitnet_session_t* session) BITNET_NOEXCEPT;

/**
 * Keeps the first `position` tokens; a generation is over, and rows of logits are gone: roll back by one token more,
 * and begin with that one.
 * @return BITNET_OK, _E_INVALID_ARGUMENT (beyond the end), _E_BAD_STATE.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_roll_back(bitnet_session_t* session, uint32_t position) BITNET_NOEXCEPT;

/**
 * A second session with the same context, independent from then on. It has no generation and no rows of logits: to draw
 * several times from one prompt, evaluate all of it but the last token, fork, and begin each with that token.
 * @return BITNET_OK, _E_NO_MEMORY, _E_BAD_STATE, _E_INVALID_ARGUMENT, _E_TARGET_UNAVAILABLE.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_fork(const bitnet_session_t* session,
                                               bitnet_session_t** out_session) BITNET_NOEXCEPT;

/**
 * The context as bytes: digest of the model, cache type, tokens and cache, no rows of logits. Holds until a new major
 * version. The first call for a model reads its whole file for the digest, unless it was loaded with `hash`.
 * @param buf     receives the state; NULL with capacity 0 asks for the size only.
 * @param needed  receives the bytes needed.
 * @return BITNET_OK, _E_BUFFER_TOO_SMALL, _E_NO_MEMORY, _E_BAD_STATE, _E_INVALID_ARGUMENT.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_save(const bitnet_session_t* session, void* buf, size_t capacity,
                                               size_t* needed) BITNET_NOEXCEPT;

/**
 * Replaces the context by a saved one. Model, sizes and token ids are checked; values of the cache are taken as they
 * are, so keep states where nobody else writes. On any failure the session stays as it was.
 * @return BITNET_OK, _E_BAD_FORMAT, _E_MODEL_MISMATCH (another model or cache type), _E_CONTEXT_FULL, _E_BAD_STATE,
 *         _E_INVALID_ARGUMENT, _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_session_load(bitnet_session_t* session, const void* state,
                                               size_t n_bytes) BITNET_NOEXCEPT;

/** What the session really did so far, as a value. Free with bitnet_facts_free(). @since 0.1 */
BITNET_API bitnet_status_t bitnet_session_facts(const bitnet_session_t* session,
                                                bitnet_facts_t** out_facts) BITNET_NOEXCEPT;

/* ---- Memory -------------------------------------------------------------------------------------------------- */

/* What a model and one session take, in bytes. */
typedef struct bitnet_memory_t {
  uint32_t struct_size;
  uint32_t n_ctx;         /* tokens that fit the session */
  uint64_t mapped_bytes;  /* of the file, used where they are, shared with other processes */
  uint64_t weight_bytes;  /* owned by the model */
  uint64_t cache_bytes;   /* key-value cache of the session */
  uint64_t scratch_bytes; /* activations, logits and tables of the session */
} bitnet_memory_t;
#define BITNET_MEMORY_INIT \
  { sizeof(bitnet_memory_t), 0, 0, 0, 0, 0 }

/**
 * What the model in `file` and one session would take if they were loaded now: with BITNET_LOAD_AUTO what is copied
 * depends on the memory to spare at this moment. Linears that are dense count as ternary, or with allow_dense_linears
 * as they are. An n_ctx beyond the model's own, which no session takes, is reckoned all the same. Reads the header
 * only, that of SafeTensors at their path.
 * @param model_options    NULL = defaults; the mode, the layout and allow_dense_linears count.
 * @param session_options  NULL = defaults.
 * @return BITNET_OK, _E_BAD_FORMAT, _E_UNSUPPORTED (not a model that would load), _E_INVALID_ARGUMENT, _E_NO_MEMORY,
 *         _E_NOT_FOUND, _E_IO (SafeTensors that are no longer there).
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_file_memory(const bitnet_file_t* file, const bitnet_engine_t* engine,
                                              const bitnet_model_options_t* model_options,
                                              const bitnet_session_options_t* session_options,
                                              bitnet_memory_t* out_memory) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_SESSION_H_ */
