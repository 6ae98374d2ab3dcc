#include "generation.h"

#include <cmath>
#include <limits>

#include "api_error.h"
#include "failure.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

// The flags as the library takes them; `stops` keeps the texts alive.
GenerateOptions ToOptions(const SamplingFlags& flags, const std::string& form, std::vector<const char*>& stops) {
  for (const std::string& text : flags.stop) stops.push_back(text.c_str());
  for (size_t i = 0; const char* text = bitnet_chat_stop_string(form.c_str(), i); ++i) stops.push_back(text);
  GenerateOptions options;
  options.max_new_tokens = flags.max_new_tokens;
  options.temperature = flags.temp;
  options.top_k = flags.top_k;
  options.top_p = flags.top_p;
  options.min_p = flags.min_p;
  // To the library 0 tokens back means its default; a penalty of 1 is none.
  options.repeat_penalty = flags.repeat_last_n == 0 ? 1 : flags.repeat_penalty;
  options.repeat_last_n = flags.repeat_last_n;
  options.seed = flags.seed;
  options.ignore_eos = flags.ignore_eos;
  options.stop_strings = stops.data();
  options.n_stop_strings = static_cast<uint32_t>(stops.size());
  return options;
}

double PerSecond(size_t n, double ms) {
  return n > 0 && ms > 0 ? 1e3 * static_cast<double>(n) / ms : std::numeric_limits<double>::quiet_NaN();
}

std::string Rate(double per_second) { return std::isfinite(per_second) ? Fixed(per_second, 1) + " tokens/s" : "-"; }

}  // namespace

SessionOptions ToOptions(const SessionFlags& flags) {
  SessionOptions options;
  options.n_ctx = flags.ctx;
  options.kv_type = flags.kv == "f32" ? BITNET_KV_F32 : BITNET_KV_F16;
  options.head = flags.head == "full"       ? BITNET_HEAD_FULL
                 : flags.head == "shortcut" ? BITNET_HEAD_SHORTCUT
                                            : BITNET_HEAD_AUTO;
  options.chunk = flags.chunk;
  return options;
}

Session MakeSession(const Model& model, const SessionFlags& flags) {
  return Get(Session::create(model, ToOptions(flags)));
}

OnInterrupt CancelOnInterrupt(Session& session) {
  return OnInterrupt([](void* s) { bitnet_session_cancel(static_cast<bitnet_session_t*>(s)); }, session.capi());
}

const Tokens& CheckedTokens(const Tokens& tokens, const Tokenizer& tokenizer, const char* option) {
  const uint32_t n_vocab = tokenizer.info().n_vocab;
  for (const int32_t id : tokens) {
    if (static_cast<uint32_t>(id) >= n_vocab) {
      throw Failure(ExitCode::kUsage, std::string(option) + ": found " + std::to_string(id) + ", expected ids below " +
                                          std::to_string(n_vocab) + ", the size of this vocabulary");
    }
  }
  return tokens;
}

void RequireRoom(const Session& session, size_t n_tokens, const Model& model) {
  const uint32_t n_ctx = session.info().n_ctx;
  if (n_tokens <= n_ctx) return;
  const uint32_t n_train = model.info().n_ctx_train;
  throw Failure(ExitCode::kRequestNotMet,
                "the prompt has " + std::to_string(n_tokens) + " tokens, the context holds " + std::to_string(n_ctx) +
                    (n_ctx < n_train ? "; give --ctx up to " + std::to_string(n_train) + ", or shorten it"
                                     : ", all that this model was trained for; shorten it"));
}

double GenerationReport::PromptTokensPerSecond() const { return PerSecond(n_evaluated, prompt_ms); }

double GenerationReport::TokensPerSecond() const {
  return output_tokens.size() > 1 ? PerSecond(output_tokens.size() - 1, generate_ms)
                                  : std::numeric_limits<double>::quiet_NaN();
}

std::string GenerationReport::ClosingLine() const {
  return "prompt: " + Counted(n_evaluated, "token") + ", " + Rate(PromptTokensPerSecond()) +
         "; generation: " + Counted(output_tokens.size(), "token") + ", " + Rate(TokensPerSecond()) + "; ended by " +
         bitnet_stop_reason_name(reason);
}

GenerationReport Generate(Session& session, const Tokens& prompt, size_t n_known, const SamplingFlags& flags,
                          const std::string& form, const OnStep& on_step) {
  GenerationReport report;
  report.prompt_tokens = prompt;
  const Span<const int32_t> rest(prompt.data() + n_known, prompt.size() - n_known);
  report.n_evaluated = rest.size();
  const OnInterrupt cancels_the_session = CancelOnInterrupt(session);
  if (Interrupted()) session.cancel();
  if (flags.max_new_tokens == 0) {  // to the library 0 means its default
    const double start = Now();
    Get(session.eval(rest));
    report.prompt_ms = (Now() - start) * 1e3;
    report.reason = BITNET_STOP_LENGTH;
    return report;
  }
  std::vector<const char*> stops;
  Generation generation = Get(session.generate(rest, ToOptions(flags, form, stops)));
  for (const Step& step : generation) {
    on_step(step);
    // Also where the signal came between two calls; a generation that has ended would leave it to the next.
    if (step.reason == BITNET_STOP_NONE && Interrupted()) session.cancel();
  }
  report.reason = Get(generation.result());
  report.output_tokens = Get(session.generated_tokens());
  report.output = Get(session.generated_text());
  const bitnet_facts_info_t facts = Get(session.facts()).info();
  report.prompt_ms = facts.prompt_ms;
  report.generate_ms = facts.generate_ms;
  if (!report.output_tokens.empty()) report.time_to_first_token_ms = facts.time_to_first_token_ms;
  return report;
}

Json RunDocument(const LoadedModel& loaded, const Session& session, const GenerationReport& report) {
  const Facts facts = Get(session.facts());
  const bitnet_facts_info_t info = facts.info();
  Json json;
  json.BeginObject().Key("model");
  WriteModel(json, loaded);
  json.Field("prompt_tokens", report.prompt_tokens)
      .Field("output_tokens", report.output_tokens)
      .Field("output", report.output)
      .Field("stop_reason", bitnet_stop_reason_name(report.reason));
  if (!report.output_tokens.empty()) json.Field("logits_sha256", info.logits_sha256);
  json.Field("target", info.target).Field("threads", info.threads).Key("kernels").BeginArray();
  for (const bitnet_kernel_t& kernel : facts.kernels()) {
    json.BeginObject().Field("id", kernel.id).Field("calls", kernel.calls).EndObject();
  }
  json.EndArray()
      .Key("timings")
      .BeginObject()
      .Field("load_ms", loaded.load_ms)
      .Field("prompt_ms", report.prompt_ms)
      .Field("generate_ms", report.generate_ms)
      .Field("time_to_first_token_ms", report.time_to_first_token_ms)
      .Field("prompt_tokens_per_sec", report.PromptTokensPerSecond())
      .Field("tokens_per_sec", report.TokensPerSecond())
      .EndObject()
      .EndObject();
  return json;
}

}  // namespace bitnet::tool
