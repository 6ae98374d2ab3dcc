/* Tokenizer: text to token ids and back, and the chat forms. Immutable. */
#ifndef BITNET_TOKENIZER_H_
#define BITNET_TOKENIZER_H_

#include <stddef.h>
#include <stdint.h>

#include <bitnet/callbacks.h>
#include <bitnet/export.h>
#include <bitnet/status.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bitnet_tokenizer_t bitnet_tokenizer_t;

/* Zeros are the defaults. */
typedef struct bitnet_tokenizer_options_t {
  uint32_t struct_size;
  uint32_t reserved;
  const char* pre;   /* overrides the file's tokenizer.ggml.pre; NULL: the file's */
  bitnet_log_fn log; /* warnings; NULL: none */
  void* log_user_data;
} bitnet_tokenizer_options_t;
#define BITNET_TOKENIZER_OPTIONS_INIT \
  { sizeof(bitnet_tokenizer_options_t), 0, 0, 0, 0 }

/**
 * Loads a tokenizer alone: from a GGUF file with or without weights, from a Hugging Face tokenizer.json, from a
 * SentencePiece tokenizer.model (either with the tokenizer_config.json and chat_template.jinja beside it), or from the
 * folder of them, where tokenizer.json comes first. Told apart by content. Needs no engine.
 * @param path           UTF-8, borrowed for the call.
 * @param options        NULL = defaults. Borrowed for the call.
 * @param out_tokenizer  receives the tokenizer; NULL on failure. Free with bitnet_tokenizer_free().
 * @return BITNET_OK, _E_NOT_FOUND, _E_IO, _E_BAD_FORMAT, _E_UNSUPPORTED, _E_LIMIT, _E_NO_MEMORY, _E_INVALID_ARGUMENT.
 * @threading safe from any thread; every function on a tokenizer may be called from any thread.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_tokenizer_load(const char* path, const bitnet_tokenizer_options_t* options,
                                                 bitnet_tokenizer_t** out_tokenizer) BITNET_NOEXCEPT;
/** The same from memory, borrowed for the call. @since 0.1 */
BITNET_API bitnet_status_t bitnet_tokenizer_load_memory(const void* data, size_t n_bytes,
                                                        const bitnet_tokenizer_options_t* options,
                                                        bitnet_tokenizer_t** out_tokenizer) BITNET_NOEXCEPT;
/** NULL is legal. Never for a tokenizer that belongs to a model, see bitnet_model_tokenizer(). @since 0.1 */
BITNET_API void bitnet_tokenizer_free(bitnet_tokenizer_t* tokenizer) BITNET_NOEXCEPT;

/* Texts live as long as the tokenizer. Ids that do not exist are -1. */
typedef struct bitnet_tokenizer_info_t {
  uint32_t struct_size;
  uint32_t n_vocab;
  int32_t bos;
  int32_t eos;
  int32_t eot;
  uint32_t add_bos; /* 1: encoding with BITNET_ENCODE_ADD_SPECIAL puts bos in front */
  uint32_t add_eos;
  uint32_t reserved;
  const char* model;     /* "gpt2" (byte-level BPE) or "llama" (SentencePiece) */
  const char* pre;       /* splitting rule, "llama-bpe", ...; "" for SentencePiece */
  const char* chat_form; /* what form NULL means: "template" (the model's own), "raw" where it has none, "" where its
                            template cannot be read: bitnet_tokenizer_chat_text() says why */
} bitnet_tokenizer_info_t;
#define BITNET_TOKENIZER_INFO_INIT \
  { sizeof(bitnet_tokenizer_info_t), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** @return BITNET_OK, _E_INVALID_ARGUMENT. @since 0.1 */
BITNET_API bitnet_status_t bitnet_tokenizer_info(const bitnet_tokenizer_t* tokenizer,
                                                 bitnet_tokenizer_info_t* out_info) BITNET_NOEXCEPT;

/* Flags of bitnet_tokenizer_encode(). */
enum bitnet_encode_flags {
  BITNET_ENCODE_ADD_SPECIAL = 1,  /* bos and eos where the vocabulary's metadata says so */
  BITNET_ENCODE_PARSE_SPECIAL = 2 /* spellings of control tokens in the text become those tokens: never for text of
                                     people who are not trusted */
};

/**
 * Token ids of a text.
 * @param text    any bytes; never fails on content.
 * @param ids     receives the ids; NULL with capacity 0 asks for the count only.
 * @param n_ids   receives the count.
 * @return BITNET_OK, _E_BUFFER_TOO_SMALL, _E_INVALID_ARGUMENT, _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_tokenizer_encode(const bitnet_tokenizer_t* tokenizer, const char* text,
                                                   size_t n_bytes, uint32_t flags, int32_t* ids, size_t capacity,
                                                   size_t* n_ids) BITNET_NOEXCEPT;

/* Flags of bitnet_tokenizer_decode(). */
enum bitnet_decode_flags { BITNET_DECODE_SKIP_CONTROL = 1 /* leave control tokens out */ };

/**
 * The exact bytes of token ids, which may end inside a character.
 * @param buf     receives the bytes and a NUL; NULL with capacity 0 asks for the size only.
 * @param needed  receives the bytes needed, the NUL included.
 * @return BITNET_OK, _E_BUFFER_TOO_SMALL, _E_INVALID_ARGUMENT (also: an id outside the vocabulary), _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_tokenizer_decode(const bitnet_tokenizer_t* tokenizer, const int32_t* ids,
                                                   size_t n_ids, uint32_t flags, char* buf, size_t capacity,
                                                   size_t* needed) BITNET_NOEXCEPT;

typedef uint32_t bitnet_token_type_t;
enum bitnet_token_type {
  BITNET_TOKEN_NORMAL = 1,
  BITNET_TOKEN_UNKNOWN = 2,
  BITNET_TOKEN_CONTROL = 3,
  BITNET_TOKEN_USER_DEFINED = 4,
  BITNET_TOKEN_UNUSED = 5,
  BITNET_TOKEN_BYTE = 6
};
/** @return BITNET_OK, _E_INVALID_ARGUMENT (also: an id outside the vocabulary). @since 0.1 */
BITNET_API bitnet_status_t bitnet_tokenizer_token_type(const bitnet_tokenizer_t* tokenizer, int32_t id,
                                                       bitnet_token_type_t* out_type) BITNET_NOEXCEPT;

/** Ids that end a generation, rising. Two calls, as bitnet_tokenizer_encode(). @since 0.1 */
BITNET_API bitnet_status_t bitnet_tokenizer_stop_ids(const bitnet_tokenizer_t* tokenizer, int32_t* ids, size_t capacity,
                                                     size_t* n_ids) BITNET_NOEXCEPT;

/** The model's own chat template (Jinja, from outside), "" if it has none. Two calls, as decode. @since 0.1 */
BITNET_API bitnet_status_t bitnet_tokenizer_chat_template(const bitnet_tokenizer_t* tokenizer, char* buf,
                                                          size_t capacity, size_t* needed) BITNET_NOEXCEPT;

/* One message of a conversation. */
typedef struct bitnet_chat_message_t {
  const char* role;     /* "system", "user" or "assistant"; the model's own template may know more */
  const char* content;  /* never becomes a control token, whatever it spells */
  size_t content_bytes; /* 0: up to the NUL */
} bitnet_chat_message_t;

/**
 * Names of the chat forms: "raw", "bitnet", "llama3", "chatml", "instruct", and "template": the model's own template,
 * which is run; NULL beyond the last.
 * @since 0.1
 */
BITNET_API const char* bitnet_chat_form(size_t index) BITNET_NOEXCEPT;
/** Stop strings that belong to a form (instruct has some); NULL beyond the last or for no form. @since 0.1 */
BITNET_API const char* bitnet_chat_stop_string(const char* form, size_t index) BITNET_NOEXCEPT;

/* Flags of conversations. */
enum bitnet_chat_flags {
  BITNET_CHAT_NO_ANSWER = 1, /* do not open the assistant's answer at the end */
  BITNET_CHAT_HAS_TIME = 2   /* of bitnet_chat_options_t alone: time_s counts */
};

/**
 * Token ids of a conversation, up to where the assistant's answer begins.
 * @param form  NULL: the model's own template, raw text if the model has none.
 * @return BITNET_OK, _E_UNSUPPORTED (the template has something that is not supported, or the vocabulary lacks a
 * control token of the form), _E_BAD_FORMAT (the template is broken), _E_LIMIT (it takes too long),
 *         _E_BUFFER_TOO_SMALL, _E_INVALID_ARGUMENT (also: the template refuses the conversation), _E_NO_MEMORY.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_tokenizer_apply_chat(const bitnet_tokenizer_t* tokenizer, const char* form,
                                                       const bitnet_chat_message_t* messages, size_t n_messages,
                                                       uint32_t flags, int32_t* ids, size_t capacity,
                                                       size_t* n_ids) BITNET_NOEXCEPT;

/* How a template is run. Zeros are the defaults. Texts are UTF-8, borrowed for the call. docs/chat-templates.md says
 * what templates may use. */
typedef struct bitnet_chat_options_t {
  uint32_t struct_size;
  uint32_t flags;             /* of bitnet_chat_flags */
  const char* chat_template;  /* Jinja; NULL: the model's own */
  const char* messages_json;  /* a JSON array of messages with any members, in place of `messages`; NULL: none */
  const char* variables_json; /* a JSON object of further variables: tools, documents, ...; NULL: none */
  int64_t time_s;             /* what strftime_now tells, in seconds since 1970-01-01 00:00 of your calendar (add the
                                 offset of your time zone); without BITNET_CHAT_HAS_TIME a template has no such
                                 function: the library reads no clock */
} bitnet_chat_options_t;
#define BITNET_CHAT_OPTIONS_INIT \
  { sizeof(bitnet_chat_options_t), 0, 0, 0, 0, 0 }

/**
 * Token ids of what a template writes of a conversation. Control tokens are sought in the words of the template alone:
 * neither `messages` nor the JSON ever become one. Bos is put in front where the vocabulary's metadata says so and the
 * template does not write it.
 * @param messages  may be NULL with n_messages 0.
 * @param options   NULL = defaults.
 * @return as bitnet_tokenizer_apply_chat(); _E_UNSUPPORTED also when the model has no template and none is given.
 * @since 0.1
 */
BITNET_API bitnet_status_t bitnet_tokenizer_chat_tokens(const bitnet_tokenizer_t* tokenizer,
                                                        const bitnet_chat_message_t* messages, size_t n_messages,
                                                        const bitnet_chat_options_t* options, int32_t* ids,
                                                        size_t capacity, size_t* n_ids) BITNET_NOEXCEPT;
/** The text that those are the tokens of, without a bos that is put in front. Two calls, as decode. @since 0.1 */
BITNET_API bitnet_status_t bitnet_tokenizer_chat_text(const bitnet_tokenizer_t* tokenizer,
                                                      const bitnet_chat_message_t* messages, size_t n_messages,
                                                      const bitnet_chat_options_t* options, char* buf, size_t capacity,
                                                      size_t* needed) BITNET_NOEXCEPT;

#ifdef __cplusplus
}
#endif

#endif /* BITNET_TOKENIZER_H_ */
