// bitnet logits: all logits of a prompt, for comparisons.
#include <bitnet/experimental.h>

#include <bit>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>

#include "api_error.h"
#include "command.h"
#include "failure.h"
#include "file.h"
#include "generation.h"
#include "interrupt.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

static_assert(std::endian::native == std::endian::little, "logits are written as little-endian floats");

struct LogitsFlags {
  ModelFlags model;
  SessionFlags session;
  Tokens tokens;
  std::optional<std::string> prompt;
  bool no_special = false;
  std::string out;
  bool json = false;
};

void WriteRows(Session& session, size_t n_rows, AtomicFile& file) {
  for (size_t row = 0; row < n_rows; ++row) {
    const Span<const float> logits = Get(session.logits(row));
    file.Write({reinterpret_cast<const char*>(logits.data()), logits.size() * sizeof(float)});
  }
  file.Commit();
}

// What a person wants to see: the likeliest tokens after the prompt.
void ShowLikeliest(Session& session, const Tokenizer& tokenizer, size_t row) {
  std::vector<std::vector<std::string>> table = {{"id", "logit", "probability", "piece"}};
  const uint32_t n_tokens = tokenizer.info().n_vocab;  // the head may have more rows, which have no text
  for (const bitnet_candidate_t& c : Get(session.top(5, row))) {
    table.push_back({std::to_string(c.token), Fixed(c.logit, 4), Format("%.4f", std::exp(c.log_probability)),
                     static_cast<uint32_t>(c.token) < n_tokens ? Quoted(Get(tokenizer.decode({&c.token, 1}))) : ""});
  }
  Print("likeliest tokens after the prompt:\n" + Columns(table, "rrr"));
}

ExitCode Logits(const LogitsFlags& flags) {
  if (flags.prompt.has_value() == !flags.tokens.empty()) {
    throw Failure(ExitCode::kUsage, "give one of --prompt and --tokens");
  }
  std::optional<AtomicFile> out;
  if (!flags.out.empty()) out.emplace(flags.out);
  const LoadedModel loaded = LoadModel(flags.model);
  const EndOnInterrupt while_it_computes;
  const Tokenizer tokenizer = loaded.model.tokenizer();
  const Tokens tokens = flags.prompt
                            ? Get(tokenizer.encode(*flags.prompt, flags.no_special ? 0 : BITNET_ENCODE_ADD_SPECIAL))
                            : CheckedTokens(flags.tokens, tokenizer);
  if (tokens.empty()) throw Failure(ExitCode::kUsage, "the prompt has no tokens");
  Session session = MakeSession(loaded.model, flags.session);
  RequireRoom(session, tokens.size(), loaded.model);
  Get(session.eval(tokens, BITNET_WANT_ALL));
  if (out) WriteRows(session, tokens.size(), *out);
  char sha256[BITNET_SHA256_HEX_SIZE];
  Get(Result<void>::from(bitnet_x_session_logits_sha256(session.capi(), sha256)));
  const bitnet_engine_info_t engine = loaded.engine.info();
  const uint32_t n_vocab = loaded.model.info().n_vocab;
  if (flags.json) {
    Json json;
    json.BeginObject()
        .Field("tokens", tokens)
        .Field("vocab", n_vocab)
        .Field("prompt_logits_sha256", sha256)
        .Field("target", engine.target)
        .Field("threads", engine.threads)
        .EndObject();
    Print(json.Line());
    return ExitCode::kSuccess;
  }
  Print("logits of " + Counted(tokens.size(), "token") + Format(" x %u ids, sha256 %s\n", n_vocab, sha256));
  ShowLikeliest(session, tokenizer, tokens.size() - 1);
  return ExitCode::kSuccess;
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<LogitsFlags>();
  const std::string prompt = "Prompt", output = "Output";
  AddOptionalText(app, "-p,--prompt", flags->prompt, "TEXT", "the text as it is: never in a chat template")
      ->group(prompt);
  AddList(app, "--tokens", flags->tokens, 0, std::numeric_limits<int32_t>::max(),
          "exactly these token ids, nothing added")
      ->group(prompt);
  AddFlag(app, "--no-special", flags->no_special, "do not add the tokens that mark begin and end of a text")
      ->group(prompt);
  AddText(app, "-o,--out", flags->out, "FILE",
          "write the logits: 32-bit floats, little-endian, a row of the vocabulary for each token")
      ->group(output);
  AddOutputFlags(app, &flags->json);
  AddSessionFlags(app, flags->session);
  AddSourceFlags(app, flags->model, ModelArgument::kPositional);
  AddThreads(app, flags->model);
  AddLoadFlags(app, flags->model);
  return [flags] { return Logits(*flags); };
}

}  // namespace

const Command kLogitsCommand = {"logits", "compute all logits of a prompt, for comparisons",
                                "bitnet logits --prompt \"Once upon a time\"\n"
                                "bitnet logits --tokens 1531,402,456 --out logits.f32 --json",
                                SetUp};

}  // namespace bitnet::tool
