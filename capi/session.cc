#include <bitnet/session.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "capi/chat.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/model_options.h"
#include "capi/session_lock.h"
#include "capi/structs.h"
#include "capi/two_call.h"
#include "core/base/sha256.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;
namespace kernels = bitnet::kernels;

namespace {

constexpr size_t kStepTextBytes = 1024;  // room for the text of a step without allocating; a longer one allocates

bitnet_status_t ReadSessionOptions(const bitnet_session_options_t* options, core::SessionOptions* out) {
  bitnet_session_options_t o;
  BN_TRY(ReadOptions(options, &o));
  if (o.reserved != 0) return InvalidArgument("reserved of bitnet_session_options_t is not 0");
  if (o.kv_type > BITNET_KV_F32) {
    return InvalidArgument(core::Cat("kv_type is ", o.kv_type, ", expected 0 (f16) or 1 (f32)"), "kv_type");
  }
  if (o.head > BITNET_HEAD_SHORTCUT) return InvalidArgument(core::Cat("head is ", o.head, ", expected 0 to 2"), "head");
  out->n_ctx = o.n_ctx;
  out->kv_type = o.kv_type == BITNET_KV_F32 ? kernels::Dense::kF32 : kernels::Dense::kF16;
  out->head = static_cast<core::HeadMode>(o.head);
  out->chunk = o.chunk;
  return BITNET_OK;
}

bitnet_status_t ReadWant(bitnet_want_t want, core::Want* out) {
  if (want > BITNET_WANT_NONE) return InvalidArgument(core::Cat("want is ", want, ", expected 0 to 2"), "want");
  *out = static_cast<core::Want>(want);
  return BITNET_OK;
}
static_assert(static_cast<uint32_t>(core::Want::kLast) == BITNET_WANT_LAST);
static_assert(static_cast<uint32_t>(core::Want::kAll) == BITNET_WANT_ALL);
static_assert(static_cast<uint32_t>(core::Want::kNone) == BITNET_WANT_NONE);
static_assert(static_cast<uint32_t>(core::HeadMode::kFull) == BITNET_HEAD_FULL);
static_assert(static_cast<uint32_t>(core::HeadMode::kShortcut) == BITNET_HEAD_SHORTCUT);
static_assert(static_cast<uint32_t>(core::StopReason::kStopId) == BITNET_STOP_ID);
static_assert(static_cast<uint32_t>(core::StopReason::kCancelled) == BITNET_STOP_CANCELLED);

bitnet_status_t ReadGenerateOptions(const bitnet_generate_options_t* options, core::GenerateOptions* out) {
  bitnet_generate_options_t o;
  BN_TRY(ReadOptions(options, &o));
  if (o.reserved != 0) return InvalidArgument("reserved of bitnet_generate_options_t is not 0");
  if (o.ignore_eos > 1) {
    return InvalidArgument(core::Cat("ignore_eos is ", o.ignore_eos, ", expected 0 or 1"), "ignore_eos");
  }
  if (o.stop_ids == nullptr && o.n_stop_ids > 0) {
    return InvalidArgument("stop_ids is NULL, but n_stop_ids is not 0", "stop_ids");
  }
  if (o.stop_strings == nullptr && o.n_stop_strings > 0) {
    return InvalidArgument("stop_strings is NULL, but n_stop_strings is not 0", "stop_strings");
  }
  // Zeros are defaults; each is a value that would make no sense or no difference otherwise.
  core::GenerateOptions g;
  if (o.max_new_tokens != 0) g.max_new_tokens = o.max_new_tokens;
  g.sampler.temperature = o.temperature;
  g.sampler.top_k = o.top_k;
  if (o.top_p != 0) g.sampler.top_p = o.top_p;
  g.sampler.min_p = o.min_p;
  if (o.repeat_penalty != 0) g.sampler.repeat_penalty = o.repeat_penalty;
  if (o.repeat_last_n != 0) g.sampler.repeat_last_n = o.repeat_last_n;
  g.sampler.seed = o.seed;
  g.ignore_eos = o.ignore_eos != 0;
  g.stop_ids.assign(o.stop_ids, o.stop_ids + o.n_stop_ids);
  for (uint32_t i = 0; i < o.n_stop_strings; ++i) {
    if (o.stop_strings[i] == nullptr || *o.stop_strings[i] == '\0') {
      return InvalidArgument(core::Cat("stop string ", i, " is NULL or empty"), "stop_strings");
    }
    // A receipt could not say which bytes they were.
    if (!core::IsUtf8(o.stop_strings[i])) {
      return InvalidArgument(core::Cat("stop string ", i, " is not utf-8"), "stop_strings");
    }
    g.stop_strings.emplace_back(o.stop_strings[i]);
  }
  *out = std::move(g);
  return BITNET_OK;
}

bitnet_status_t CheckTokens(const int32_t* tokens, size_t n_tokens) {
  return tokens == nullptr && n_tokens > 0 ? InvalidArgument("tokens is NULL, but its count is not 0", "tokens")
                                           : BITNET_OK;
}

// Runs `body` with the session held for a change.
template <typename Body>
bitnet_status_t Change(bitnet_session_t* session, Body&& body) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (session == nullptr) return InvalidArgument("session is NULL");
    const Exclusive lock(session);
    return lock.held() ? body() : Busy();
  });
}

// Runs `body` with the session held for reading.
template <typename Body>
bitnet_status_t Read(const bitnet_session_t* session, Body&& body) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (session == nullptr) return InvalidArgument("session is NULL");
    const Shared lock(session);
    return lock.held() ? body() : Busy();
  });
}

bitnet_status_t ToC(const core::Status& status) { return status.ok() ? BITNET_OK : Fail(status); }

bitnet_session_t* NewHandle(std::shared_ptr<const EngineState> state, std::shared_ptr<const LoadAudit> audit,
                            std::unique_ptr<core::Session> session) {
  auto handle = std::make_unique<bitnet_session_t>();
  handle->step_text.reserve(kStepTextBytes);
  handle->state = std::move(state);
  handle->session = std::move(session);
  handle->audit = std::move(audit);
  return handle.release();
}

// Draws one token into the caller's struct; its text moves into the handle.
bitnet_status_t Next(bitnet_session_t* session, bitnet_step_t* out) {
  auto step = session->session->Next();
  if (!step.ok()) return Fail(step.status());
  session->step_text.assign(step->text);
  bitnet_step_t s = BITNET_STEP_INIT;
  s.token = step->token;
  s.text = session->step_text.c_str();
  s.text_bytes = session->step_text.size();
  s.reason = static_cast<bitnet_stop_reason_t>(step->reason);
  CopyOut(s, out);
  return BITNET_OK;
}

}  // namespace

extern "C" {

bitnet_status_t bitnet_session_create(const bitnet_model_t* model, const bitnet_session_options_t* options,
                                      bitnet_session_t** out_session) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (out_session == nullptr) return InvalidArgument("out_session is NULL");
    *out_session = nullptr;
    if (model == nullptr) return InvalidArgument("model is NULL");
    core::SessionOptions o;
    BN_TRY(ReadSessionOptions(options, &o));
    const auto state = model->state;  // the log may free the handle
    const auto audit = model->audit;
    auto session = core::Session::Create(state->engine, model->model, o);
    if (!session.ok()) return Fail(session.status());
    *out_session = NewHandle(state, audit, *std::move(session));
    return BITNET_OK;
  });
}

void bitnet_session_free(bitnet_session_t* session) noexcept {
  if (session == nullptr) return;
  if (session->users.load(std::memory_order_acquire) < 0) {
    session->freed.store(true, std::memory_order_relaxed);  // inside a callback: Exclusive deletes it
  } else {
    delete session;
  }
}

bitnet_status_t bitnet_session_info(const bitnet_session_t* session, bitnet_session_info_t* out_info) noexcept {
  return Read(session, [&]() -> bitnet_status_t {
    BN_TRY(CheckOut(out_info));
    const core::Session& s = *session->session;
    bitnet_session_info_t info = BITNET_SESSION_INFO_INIT;
    info.position = s.position();
    info.n_ctx = s.n_ctx();
    info.kv_type = s.options().kv_type == kernels::Dense::kF32 ? BITNET_KV_F32 : BITNET_KV_F16;
    info.head = static_cast<bitnet_head_t>(s.options().head);
    info.n_logits = static_cast<uint32_t>(s.n_logits());
    info.generating = s.generating();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_session_tokens(const bitnet_session_t* session, int32_t* ids, size_t capacity,
                                      size_t* n_ids) noexcept {
  return Read(session, [&] { return PutList<int32_t>(session->session->tokens(), ids, capacity, n_ids); });
}

// ---- Evaluation ----

bitnet_status_t bitnet_session_eval(bitnet_session_t* session, const int32_t* tokens, size_t n_tokens,
                                    bitnet_want_t want) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    core::Want w{};
    BN_TRY(CheckTokens(tokens, n_tokens));
    BN_TRY(ReadWant(want, &w));
    return ToC(session->session->Eval({tokens, n_tokens}, w));
  });
}

bitnet_status_t bitnet_session_eval_batch(const bitnet_batch_item_t* items, size_t n_items) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (items == nullptr && n_items > 0) return InvalidArgument("items is NULL, but its count is not 0", "items");
    std::vector<core::Session::BatchItem> list;
    list.reserve(n_items);
    std::deque<Exclusive> locks;  // cannot move
    for (size_t i = 0; i < n_items; ++i) {
      const bitnet_batch_item_t& item = items[i];
      if (item.session == nullptr) return InvalidArgument(core::Cat("batch item ", i, ": session is NULL"), "items");
      if (item.reserved != 0) return InvalidArgument(core::Cat("batch item ", i, ": reserved is not 0"), "items");
      for (size_t j = 0; j < i; ++j) {
        if (items[j].session == item.session) {
          return InvalidArgument(core::Cat("batch items ", j, " and ", i, " are the same session"), "items");
        }
      }
      core::Want want{};
      BN_TRY(CheckTokens(item.tokens, item.n_tokens));
      BN_TRY(ReadWant(item.want, &want));
      if (!locks.emplace_back(item.session).held()) return Busy();
      list.push_back({item.session->session.get(), {item.tokens, item.n_tokens}, want});
    }
    return ToC(core::Session::EvalBatch(list));
  });
}

bitnet_status_t bitnet_session_logits(bitnet_session_t* session, size_t row, const float** out_logits,
                                      size_t* out_n) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    if (out_logits == nullptr) return InvalidArgument("out_logits is NULL");
    *out_logits = nullptr;
    auto logits = session->session->Logits(row);
    if (!logits.ok()) return Fail(logits.status());
    *out_logits = logits->data();
    if (out_n != nullptr) *out_n = logits->size();
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_session_top(bitnet_session_t* session, size_t row, size_t n, bitnet_candidate_t* out_candidates,
                                   size_t* out_n) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    if (out_n == nullptr) return InvalidArgument("out_n is NULL");
    *out_n = 0;
    if (out_candidates == nullptr && n > 0) return InvalidArgument("out_candidates is NULL, but its size is not 0");
    auto logits = session->session->Logits(row);
    if (!logits.ok()) return Fail(logits.status());
    const double largest = *std::max_element(logits->begin(), logits->end());
    double sum = 0;
    for (const float logit : *logits) sum += std::exp(logit - largest);
    const double log_sum = largest + std::log(sum);
    auto top = session->session->Top(row);
    if (!top.ok()) return Fail(top.status());
    *out_n = std::min(n, top->size());
    for (size_t i = 0; i < *out_n; ++i) {
      const kernels::TopEntry& e = (*top)[i];
      out_candidates[i] = {static_cast<int32_t>(e.id), e.logit, e.logit - log_sum};
    }
    return BITNET_OK;
  });
}

// ---- Generation ----

const char* bitnet_stop_reason_name(bitnet_stop_reason_t reason) noexcept {
  const std::string_view name = core::StopReasonName(static_cast<core::StopReason>(reason));
  return name.empty() ? "" : name.data();  // literals
}

bitnet_status_t bitnet_session_begin(bitnet_session_t* session, const int32_t* prompt, size_t n_prompt,
                                     const bitnet_generate_options_t* options) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    core::GenerateOptions o;
    BN_TRY(CheckTokens(prompt, n_prompt));
    BN_TRY(ReadGenerateOptions(options, &o));
    return ToC(session->session->Begin({prompt, n_prompt}, o));
  });
}

bitnet_status_t bitnet_session_begin_chat(bitnet_session_t* session, const char* form,
                                          const bitnet_chat_message_t* messages, size_t n_messages,
                                          const bitnet_generate_options_t* options) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    core::GenerateOptions o;
    BN_TRY(ReadGenerateOptions(options, &o));
    const core::Tokenizer& tokenizer = *session->session->model().tokenizer();
    core::ChatForm resolved{};
    std::vector<int32_t> prompt;
    BN_TRY(ResolveForm(tokenizer, form, &resolved));
    BN_TRY(ChatTokens(tokenizer, resolved, messages, n_messages, 0, &prompt));
    for (const std::string_view stop : core::ChatStopStrings(resolved)) o.stop_strings.emplace_back(stop);
    return ToC(session->session->Begin(prompt, o));
  });
}

bitnet_status_t bitnet_session_next(bitnet_session_t* session, bitnet_step_t* out_step) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    BN_TRY(CheckOut(out_step));
    return Next(session, out_step);
  });
}

bitnet_status_t bitnet_session_generate(bitnet_session_t* session, const int32_t* prompt, size_t n_prompt,
                                        const bitnet_generate_options_t* options, bitnet_token_fn on_token,
                                        void* user_data) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    if (on_token == nullptr) return InvalidArgument("on_token is NULL");
    core::GenerateOptions o;
    BN_TRY(CheckTokens(prompt, n_prompt));
    BN_TRY(ReadGenerateOptions(options, &o));
    BN_TRY(ToC(session->session->Begin({prompt, n_prompt}, o)));
    bitnet_step_t step = BITNET_STEP_INIT;
    do {
      BN_TRY(Next(session, &step));
      if (step.reason == BITNET_STOP_CANCELLED) return Fail(BITNET_E_CANCELLED, "the generation was cancelled");
      if (on_token(&step, user_data) != 0 || session->freed.load(std::memory_order_relaxed)) {
        if (step.reason == BITNET_STOP_NONE) {  // a generation left open would refuse the next evaluation
          session->session->Cancel();
          BN_TRY(Next(session, &step));
        }
        return Fail(BITNET_E_CANCELLED, "the token callback ended the generation", "on_token");
      }
    } while (step.reason == BITNET_STOP_NONE);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_session_generated_text(const bitnet_session_t* session, char* buf, size_t capacity,
                                              size_t* needed) noexcept {
  return Read(session, [&] { return PutText(session->session->generated_text(), buf, capacity, needed); });
}

bitnet_status_t bitnet_session_generated_tokens(const bitnet_session_t* session, int32_t* ids, size_t capacity,
                                                size_t* n_ids) noexcept {
  return Read(session, [&] { return PutList<int32_t>(session->session->generated_tokens(), ids, capacity, n_ids); });
}

void bitnet_session_cancel(bitnet_session_t* session) noexcept {
  if (session != nullptr) session->session->Cancel();
}

// ---- Context ----

bitnet_status_t bitnet_session_clear(bitnet_session_t* session) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    session->session->Clear();
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_session_roll_back(bitnet_session_t* session, uint32_t position) noexcept {
  return Change(session, [&] { return ToC(session->session->RollBack(position)); });
}

bitnet_status_t bitnet_session_fork(const bitnet_session_t* session, bitnet_session_t** out_session) noexcept {
  if (out_session != nullptr) *out_session = nullptr;
  return Read(session, [&]() -> bitnet_status_t {
    if (out_session == nullptr) return InvalidArgument("out_session is NULL");
    auto copy = session->session->Fork();
    if (!copy.ok()) return Fail(copy.status());
    *out_session = NewHandle(session->state, session->audit, *std::move(copy));
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_session_save(const bitnet_session_t* session, void* buf, size_t capacity,
                                    size_t* needed) noexcept {
  return Read(session, [&]() -> bitnet_status_t {
    const core::Session& s = *session->session;
    return TwoCall(s.StateBytes(), buf, capacity, needed,
                   [&] { return ToC(s.Save(std::span(static_cast<std::byte*>(buf), s.StateBytes()))); });
  });
}

bitnet_status_t bitnet_session_load(bitnet_session_t* session, const void* state, size_t n_bytes) noexcept {
  return Change(session, [&]() -> bitnet_status_t {
    if (state == nullptr) return InvalidArgument("state is NULL");
    return ToC(session->session->Load({static_cast<const std::byte*>(state), n_bytes}));
  });
}

bitnet_status_t bitnet_session_facts(const bitnet_session_t* session, bitnet_facts_t** out_facts) noexcept {
  if (out_facts != nullptr) *out_facts = nullptr;
  return Read(session, [&]() -> bitnet_status_t {
    if (out_facts == nullptr) return InvalidArgument("out_facts is NULL");
    auto facts = std::make_unique<bitnet_facts_t>();
    facts->facts = session->session->Facts();
    if (facts->facts.logits_sha256.has_value()) facts->logits_sha256 = core::ToHex(*facts->facts.logits_sha256);
    for (const core::GpuFacts& g : facts->facts.gpus) facts->gpu += (facts->gpu.empty() ? "" : "; ") + g.name;
    *out_facts = facts.release();
    return BITNET_OK;
  });
}

// ---- Memory ----

bitnet_status_t bitnet_file_memory(const bitnet_file_t* file, const bitnet_engine_t* engine,
                                   const bitnet_model_options_t* model_options,
                                   const bitnet_session_options_t* session_options,
                                   bitnet_memory_t* out_memory) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (file == nullptr) return InvalidArgument("file is NULL");
    if (engine == nullptr) return InvalidArgument("engine is NULL");
    BN_TRY(CheckOut(out_memory));
    core::LoadSpec spec;
    core::SessionOptions o;
    const core::Engine& e = *engine->state->engine;
    BN_TRY(ReadModelOptions(model_options, e, &spec));
    const bool in_file = file->model != nullptr ? !file->model->path().empty() : !file->mapped.bytes().empty();
    if (!in_file && spec.mode == core::LoadMode::kAuto) spec.mode = core::LoadMode::kMap;  // the host's own memory
    BN_TRY(ReadSessionOptions(session_options, &o));
    const uint64_t file_bytes = file->model != nullptr ? file->model->size_bytes() : file->bytes.size();
    // SafeTensors have no header here: only their model's path leads to it.
    auto model = file->model != nullptr && file->gguf->tensors().empty()
                     ? core::Model::Estimate(std::string(file->model->path()), spec)
                     : core::Model::Estimate(*file->gguf, file_bytes, spec);
    if (!model.ok()) return Fail(model.status());
    const core::Session::MemoryEstimate session =
        core::Session::Estimate(model->hparams, model->head, o, e.table(), e.threads());
    bitnet_memory_t memory = BITNET_MEMORY_INIT;
    memory.n_ctx = session.n_ctx;
    memory.mapped_bytes = model->mapped_bytes;
    memory.weight_bytes = model->owned_bytes;
    memory.cache_bytes = session.cache_bytes;
    memory.scratch_bytes = session.scratch_bytes + session.head_bytes;
    CopyOut(memory, out_memory);
    return BITNET_OK;
  });
}

}  // extern "C"
