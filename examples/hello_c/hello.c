/* The smallest host: loads the embedded model, or the GGUF file named on the command line, and answers one question. */
#include <bitnet/bitnet.h>
#include <bitnet/tiny.h>
#include <stdio.h>

int main(int argc, char** argv) {
  bitnet_engine_t* engine = NULL;
  bitnet_model_t* model = NULL;
  bitnet_session_t* session = NULL;
  bitnet_step_t step = BITNET_STEP_INIT;
  const bitnet_chat_message_t question = {"user", "What is the capital of France?", 0};
  size_t n_bytes = 0;
  const void* tiny = bitnet_tiny_model(&n_bytes);

  /* Each call returns 0 when it worked; the first that did not ends the chain. */
  bitnet_status_t status = bitnet_engine_create(NULL, &engine);
  if (status == BITNET_OK) {
    status = argc > 1 ? bitnet_model_load(engine, argv[1], NULL, &model)
                      : bitnet_model_load_memory(engine, tiny, n_bytes, NULL, &model);
  }
  if (status == BITNET_OK) status = bitnet_session_create(model, NULL, &session);
  if (status == BITNET_OK) status = bitnet_session_begin_chat(session, NULL, &question, 1, NULL);

  /* One call, one token; the last step has a reason. */
  while (status == BITNET_OK && step.reason == BITNET_STOP_NONE) {
    status = bitnet_session_next(session, &step);
    if (status == BITNET_OK) fputs(step.text, stdout);
  }
  if (status == BITNET_OK) {
    putchar('\n');
  } else {
    fprintf(stderr, "hello: %s\n", bitnet_last_error_message());
  }

  /* In any order; NULL is fine. */
  bitnet_engine_free(engine);
  bitnet_model_free(model);
  bitnet_session_free(session);
  return status == BITNET_OK ? 0 : 1;
}
