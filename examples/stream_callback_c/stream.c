/* Streams through a callback, counts words as they come, and stops at Ctrl-C or after a number of words. */
#include <bitnet/bitnet.h>
#include <bitnet/tiny.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* Both callbacks get what belongs to the host through user_data. */
typedef struct stream_t {
  int words_left;
  int in_word;
} stream_t;

static int32_t on_token(const bitnet_step_t* step, void* user_data) {
  stream_t* stream = user_data;
  size_t i;
  for (i = 0; i < step->text_bytes; ++i) {
    const int is_space = step->text[i] == ' ' || step->text[i] == '\n';
    if (is_space && stream->in_word) --stream->words_left;
    stream->in_word = !is_space;
  }
  fwrite(step->text, 1, step->text_bytes, stdout);
  fflush(stdout);
  return stream->words_left <= 0; /* 0 goes on; anything else ends the generation */
}

static int32_t on_progress(uint64_t done_bytes, uint64_t total_bytes, void* user_data) {
  if (done_bytes == total_bytes) ++*(int*)user_data;
  return 0;
}

/* A signal handler may cancel: it does nothing but set a flag inside the session. */
static bitnet_session_t* running;
static void on_interrupt(int signal_number) {
  (void)signal_number;
  bitnet_session_cancel(running);
}

int main(void) {
  bitnet_engine_t* engine = NULL;
  bitnet_model_t* model = NULL;
  bitnet_session_t* session = NULL;
  bitnet_model_options_t model_options = BITNET_MODEL_OPTIONS_INIT;
  stream_t stream = {12, 0};
  int loads = 0;
  size_t n_bytes = 0, n_ids = 0;
  int32_t ids[32];
  const char prompt[] = "Once upon a time";
  const void* tiny = bitnet_tiny_model(&n_bytes);
  bitnet_status_t status;

  model_options.progress = on_progress;
  model_options.progress_user_data = &loads;
  status = bitnet_engine_create(NULL, &engine);
  if (status == BITNET_OK) status = bitnet_model_load_memory(engine, tiny, n_bytes, &model_options, &model);
  if (status == BITNET_OK) status = bitnet_session_create(model, NULL, &session);
  if (status == BITNET_OK) {
    status = bitnet_tokenizer_encode(bitnet_model_tokenizer(model), prompt, sizeof prompt - 1,
                                     BITNET_ENCODE_ADD_SPECIAL, ids, sizeof ids / sizeof *ids, &n_ids);
  }
  if (status == BITNET_OK) {
    running = session;
    signal(SIGINT, on_interrupt);
    status = bitnet_session_generate(session, ids, n_ids, NULL, on_token, &stream);
    signal(SIGINT, SIG_DFL);
    printf("\n[%s, loaded %d time]\n", bitnet_status_name(status), loads);
    if (status == BITNET_E_CANCELLED) status = BITNET_OK; /* meant here */
  }
  if (status != BITNET_OK) fprintf(stderr, "stream: %s\n", bitnet_last_error_message());
  bitnet_session_free(session);
  bitnet_model_free(model);
  bitnet_engine_free(engine);
  return status == BITNET_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
