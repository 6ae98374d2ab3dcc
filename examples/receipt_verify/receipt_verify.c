/*
 * Verifies a receipt and runs it again. usage: receipt_verify [RECEIPT.json MODEL.gguf]; without arguments it makes one
 * with the built-in model first, and shows that a changed digit is found.
 */
#include <bitnet/bitnet.h>
#include <bitnet/tiny.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints what is wrong, if anything; 1: accepted, 0: not, -1: the check itself failed. */
static int show(bitnet_status_t status, bitnet_verification_t* verification, const char* what) {
  bitnet_verification_info_t info = BITNET_VERIFICATION_INFO_INIT;
  bitnet_problem_t problem = BITNET_PROBLEM_INIT;
  uint64_t i;
  if (status != BITNET_OK) {
    fprintf(stderr, "%s: %s\n", what, bitnet_last_error_message());
    return -1;
  }
  bitnet_verification_info(verification, &info);
  printf("%s: %s\n", what, info.accepted ? "accepted" : "rejected");
  for (i = 0; i < info.n_problems; ++i) {
    bitnet_verification_problem(verification, (size_t)i, &problem);
    printf("  %s: %.60s...\n", problem.field, problem.message);
  }
  bitnet_verification_free(verification);
  return info.accepted ? 1 : 0;
}

static int verify(const char* text, size_t n_bytes, const bitnet_model_t* model) {
  bitnet_verification_t* verification = NULL;
  bitnet_verify_options_t options = BITNET_VERIFY_OPTIONS_INIT;
  bitnet_status_t status;
  options.model = model;
  status = bitnet_receipt_verify(text, n_bytes, &options, &verification);
  return show(status, verification, "verification");
}

static int replay(const char* text, size_t n_bytes, const bitnet_model_t* model) {
  bitnet_verification_t* verification = NULL;
  const bitnet_status_t status = bitnet_receipt_replay(text, n_bytes, model, &verification);
  return show(status, verification, "replay");
}

/* The whole file, or NULL. */
static char* read_file(const char* path, size_t* n_bytes) {
  FILE* in = fopen(path, "rb");
  char* text = NULL;
  size_t capacity = 1 << 20;
  if (in != NULL && (text = malloc(capacity)) != NULL) *n_bytes = fread(text, 1, capacity, in);
  if (in != NULL) fclose(in);
  return text;
}

/* A receipt of a short run on `model`; NULL on failure. */
static bitnet_receipt_t* make_receipt(const bitnet_model_t* model) {
  const bitnet_chat_message_t question = {"user", "What is the capital of France?", 0};
  bitnet_session_t* session = NULL;
  bitnet_receipt_t* receipt = NULL;
  bitnet_step_t step = BITNET_STEP_INIT;
  bitnet_status_t status = bitnet_session_create(model, NULL, &session);
  if (status == BITNET_OK) status = bitnet_session_begin_chat(session, NULL, &question, 1, NULL);
  while (status == BITNET_OK && step.reason == BITNET_STOP_NONE) status = bitnet_session_next(session, &step);
  if (status == BITNET_OK) status = bitnet_receipt_create(session, NULL, &receipt);
  if (status != BITNET_OK) fprintf(stderr, "receipt: %s\n", bitnet_last_error_message());
  bitnet_session_free(session);
  return receipt;
}

static int demonstrate(const bitnet_model_t* model) {
  size_t n_bytes = 0;
  bitnet_receipt_t* receipt = make_receipt(model);
  const char* text = bitnet_receipt_text(receipt, &n_bytes);
  char* forged = text != NULL ? malloc(n_bytes + 1) : NULL;
  int good = 0;
  if (forged != NULL) {
    char* tokens = NULL;
    memcpy(forged, text, n_bytes + 1);
    tokens = strstr(forged, "\"tokens_generated\": ");
    good = verify(text, n_bytes, model) == 1 && replay(text, n_bytes, model) == 1;
    if (tokens != NULL) tokens[strlen("\"tokens_generated\": ")] = '7';
    good = good && verify(forged, n_bytes, model) == 0;
  }
  free(forged);
  bitnet_receipt_free(receipt);
  return good;
}

int main(int argc, char** argv) {
  bitnet_engine_t* engine = NULL;
  bitnet_model_t* model = NULL;
  size_t n_bytes = 0;
  const void* tiny = bitnet_tiny_model(&n_bytes);
  int good = 0;
  bitnet_status_t status = bitnet_engine_create(NULL, &engine);
  if (status == BITNET_OK) {
    status = argc == 3 ? bitnet_model_load(engine, argv[2], NULL, &model)
                       : bitnet_model_load_memory(engine, tiny, n_bytes, NULL, &model);
  }
  if (status != BITNET_OK) {
    fprintf(stderr, "receipt_verify: %s\n", bitnet_last_error_message());
  } else if (argc == 3) {
    char* text = read_file(argv[1], &n_bytes);
    good = text != NULL && verify(text, n_bytes, model) == 1 && replay(text, n_bytes, model) == 1;
    free(text);
  } else {
    good = demonstrate(model);
  }
  bitnet_model_free(model);
  bitnet_engine_free(engine);
  return good ? 0 : 1;
}
