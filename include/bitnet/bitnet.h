/*
 * libbitnet: runs 1.58-bit (ternary) language models, bit for bit the same on every CPU, and proves what it did.
 *
 *     bitnet_engine_t *engine = NULL;
 *     bitnet_model_t *model = NULL;
 *     bitnet_session_t *session = NULL;
 *     bitnet_step_t step = BITNET_STEP_INIT;
 *     const bitnet_chat_message_t question = {"user", "Why is the sky blue?", 0};
 *     if (bitnet_engine_create(NULL, &engine) || bitnet_model_load(engine, "model.gguf", NULL, &model) ||
 *         bitnet_session_create(model, NULL, &session) ||
 *         bitnet_session_begin_chat(session, NULL, &question, 1, NULL))
 *       fprintf(stderr, "%s\n", bitnet_last_error_message());
 *     else
 *       while (bitnet_session_next(session, &step) == BITNET_OK && step.token >= 0) fputs(step.text, stdout);
 *     bitnet_session_free(session);
 *     bitnet_model_free(model);
 *     bitnet_engine_free(engine);
 *
 * Build: find_package(bitnet) and bitnet::bitnet in CMake, or pkg-config bitnet. In C++ see <bitnet/bitnet.hpp>.
 *
 * OBJECTS. An engine (CPU target, threads, memory, log) loads models; a model is immutable and serves any number of
 * sessions; a session is one context of tokens. A tokenizer or a file can be had without a model. Each handle is
 * freed with its own *_free(), which accepts NULL; the order does not matter, since each keeps alive what it needs.
 *
 * ERRORS. Every call that can fail returns a bitnet_status_t and puts its result into its last parameter, NULL or
 * untouched after a failure: there is nothing to free then. bitnet_last_error_message() says in one line what is wrong
 * and what to do. The library never prints, exits or aborts, and no exception leaves it. Out of memory is a status.
 *
 * STRUCTS that are passed by pointer start with struct_size. Initialise them with their _INIT macro (or zeros and
 * struct_size = sizeof): every option is then at its default. Reserved fields must be 0. A library accepts the structs
 * of every older header, and those of a newer one as long as what it does not know is zero. Items of arrays (messages,
 * candidates, parts of a batch) have no struct_size and stay as they are.
 *
 * TEXT is UTF-8. Texts that an object already holds come as const char * and live as long as the object. Texts and
 * lists made on request come by two calls: with (NULL, 0) the needed size, then the content; a buffer that is too small
 * is BITNET_E_BUFFER_TOO_SMALL. Sizes of texts include the terminating NUL.
 *
 * THREADS. A const handle parameter may be used by any number of calls at once; any other by one call at a time. A
 * session that is inside a call answers BITNET_E_BAD_STATE, only bitnet_session_cancel() is always allowed. The host's
 * floating-point mode is restored at the end of each call and does not matter to any result.
 *
 * VERSIONS. Functions, numbers and struct fields stay as they are until the next major version; new ones are added.
 * Before 1.0 a minor version may change them, and the soname (libbitnet.so.0) counts for the ABI.
 */
#ifndef BITNET_BITNET_H_
#define BITNET_BITNET_H_

#include <bitnet/callbacks.h>
#include <bitnet/convert.h>
#include <bitnet/diff.h>
#include <bitnet/engine.h>
#include <bitnet/export.h>
#include <bitnet/facts.h>
#include <bitnet/file.h>
#include <bitnet/inspect.h>
#include <bitnet/model.h>
#include <bitnet/policy.h>
#include <bitnet/receipt.h>
#include <bitnet/session.h>
#include <bitnet/status.h>
#include <bitnet/tokenizer.h>
#include <bitnet/version.h>

#endif /* BITNET_BITNET_H_ */
