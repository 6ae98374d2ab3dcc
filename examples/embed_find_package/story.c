/* Tells a story of the embedded model through the installed C interface. */
#include <bitnet/bitnet.h>
#include <bitnet/tiny.h>
#include <stdio.h>

int main(void) {
  bitnet_engine_t* engine = NULL;
  bitnet_model_t* model = NULL;
  bitnet_session_t* session = NULL;
  bitnet_step_t step = BITNET_STEP_INIT;
  const bitnet_chat_message_t question = {"user", "Tell me a story.", 0};
  size_t n_bytes = 0;
  const void* bytes = bitnet_tiny_model(&n_bytes);
  if (bitnet_engine_create(NULL, &engine) || bitnet_model_load_memory(engine, bytes, n_bytes, NULL, &model) ||
      bitnet_session_create(model, NULL, &session) || bitnet_session_begin_chat(session, NULL, &question, 1, NULL)) {
    fprintf(stderr, "%s\n", bitnet_last_error_message());
    return 1;
  }
  while (bitnet_session_next(session, &step) == BITNET_OK && step.token >= 0) fputs(step.text, stdout);
  bitnet_session_free(session);
  bitnet_model_free(model);
  bitnet_engine_free(engine);
  return step.reason == BITNET_STOP_NONE;
}
