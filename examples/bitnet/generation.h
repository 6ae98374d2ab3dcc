// A session and a generation as the options ask for them, and the document that tells what happened.
#ifndef BITNET_EXAMPLES_BITNET_GENERATION_H_
#define BITNET_EXAMPLES_BITNET_GENERATION_H_

#include <bitnet/session.hpp>
#include <functional>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "interrupt.h"
#include "json.h"
#include "model_source.h"
#include "options.h"

namespace bitnet::tool {

SessionOptions ToOptions(const SessionFlags& flags);
Session MakeSession(const Model& model, const SessionFlags& flags);
// While the result lives, Ctrl-C cancels what the session does.
OnInterrupt CancelOnInterrupt(Session& session);

// The ids of an option, each inside the vocabulary.
const Tokens& CheckedTokens(const Tokens& tokens, const Tokenizer& tokenizer, const char* option = "--tokens");

// Failure with both numbers when `n_tokens` do not fit.
void RequireRoom(const Session& session, size_t n_tokens, const Model& model);

// What one generation did.
struct GenerationReport {
  Tokens prompt_tokens;
  Tokens output_tokens;  // every drawn id, the stop id included
  std::string output;    // without stop id and stop text
  bitnet_stop_reason_t reason = BITNET_STOP_NONE;
  double prompt_ms = 0, generate_ms = 0;
  double time_to_first_token_ms = std::numeric_limits<double>::quiet_NaN();  // without a token: none
  size_t n_evaluated = 0;  // tokens of the prompt that were not in the cache already

  double PromptTokensPerSecond() const;
  double TokensPerSecond() const;  // NaN below two tokens
  bool interrupted() const { return reason == BITNET_STOP_CANCELLED; }
  std::string ClosingLine() const;
};

using OnStep = std::function<void(const Step& step)>;

// Evaluates `prompt`, of which the session already holds the first `n_known` tokens, and draws until the end.
// Ctrl-C ends it after the current token.
GenerationReport Generate(Session& session, const Tokens& prompt, size_t n_known, const SamplingFlags& flags,
                          const std::string& form, const OnStep& on_step);

// The document of tool.md, section "run".
Json RunDocument(const LoadedModel& loaded, const Session& session, const GenerationReport& report);

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_GENERATION_H_
