// bitnet verify-receipt: does a receipt hold together, and does a replay give the same bits?
#include <bitnet/receipt.hpp>
#include <memory>
#include <optional>

#include "api_error.h"
#include "command.h"
#include "failure.h"
#include "file.h"
#include "interrupt.h"
#include "json.h"
#include "model_source.h"
#include "options.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

constexpr uint64_t kMaxReceiptBytes = (uint64_t{16} << 20) + 1;  // one more than the library takes, which says so

struct VerifyFlags {
  ModelFlags model;
  SessionFlags session;
  std::string file;
  bool replay = false;
  std::string require_target;
  bool allow_corrections = false;
  bool json = false;
};

std::string Lines(const Verification& verification) {
  std::string out;
  for (const bitnet_problem_t& p : verification.problems()) {
    out += (*p.field != '\0' ? Printable(p.field) + ": " : "") + Printable(p.message) + "\n";
  }
  return out;
}

// As bitnet_verification_json() has it, of a receipt that cannot be run again.
std::string RejectionJson(const std::string& field, const std::string& message) {
  Json json;
  json.BeginObject().Field("accepted", false).Key("problems").BeginArray();
  const bool twice = message.rfind(field + ": ", 0) == 0;  // the library's message begins with the field
  json.BeginObject()
      .Field("field", field)
      .Field("message", twice ? message.substr(field.size() + 2) : message)
      .EndObject();
  return json.EndArray().Key("first_step").Null().EndObject().Line();
}

// What replayed: a CPU's kernels by their name, otherwise as it was asked for (under auto it may be either).
std::string ReplayedBy(const bitnet_engine_info_t& engine) {
  return std::string(engine.device) == "cpu" ? std::string("on ") + engine.target
                                             : std::string("with --device ") + engine.device;
}

ExitCode Verify(const VerifyFlags& flags) {
  if (flags.file.empty()) throw Failure(ExitCode::kUsage, "no receipt: give its file");
  const std::string text = ReadStartOfFile(flags.file, kMaxReceiptBytes);
  VerifyOptions options;
  options.allow_corrections = flags.allow_corrections;
  if (!flags.require_target.empty()) options.require_target = flags.require_target.c_str();
  if (options.require_target != nullptr)
    (void)Get(Verification::verify(text, options));  // no such target: before a load
  std::optional<LoadedModel> loaded;
  if (flags.replay || (!flags.model.model.empty() && !flags.model.model_from_environment)) {
    // The receipt's own corrections are applied to a copy; what they repair must not keep the file from opening.
    ModelFlags model = flags.model;
    model.allow_suspicious_norms = true;
    model.allow_dense_linears = true;
    loaded.emplace(LoadModel(model, /*verify=*/false, /*sha256=*/nullptr, /*hash=*/true));
  }
  if (loaded) options.model = loaded->model.capi();
  const EndOnInterrupt while_it_computes;
  const Verification verification = Get(Verification::verify(text, options));
  if (!verification.accepted()) {
    Print(flags.json ? Get(verification.json()) : Lines(verification));
    PrintError("the receipt " + Quoted(flags.file, 4096) + " is rejected");
    return ExitCode::kReceiptRejected;
  }
  if (!flags.replay) {
    Print(flags.json ? Get(verification.json())
                     : std::string("accepted") + (loaded ? ", of this model" : "") + "; --replay runs it again\n");
    return ExitCode::kSuccess;
  }
  Result<Verification> replayed = Verification::replay(text, loaded->model);
  if (!replayed && replayed.error().status() == BITNET_E_RECEIPT_REJECTED) {
    const std::string &field = replayed.error().what(), &message = replayed.error().message();
    Print(flags.json ? RejectionJson(field, message)
                     : (message.starts_with(field) ? "" : Printable(field) + ": ") + Printable(message) + "\n");
    PrintError("the receipt " + Quoted(flags.file, 4096) + " is rejected");
    return ExitCode::kReceiptRejected;
  }
  const Verification replay = Get(std::move(replayed));
  if (flags.json) {
    Print(Get(replay.json()));
  } else {
    Print(replay.accepted() ? "accepted: the replay " + ReplayedBy(loaded->engine.info()) +
                                  " gives the same tokens and logits, bit for bit\n"
                            : Lines(replay));
  }
  if (replay.accepted()) return ExitCode::kSuccess;
  const int64_t step = replay.info().first_step;
  PrintError("the replay of " + Quoted(flags.file, 4096) + " differs" +
             (step < 0 ? std::string() : ", first at step " + std::to_string(step)));
  return ExitCode::kReplayDiffers;
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<VerifyFlags>();
  const std::string group = "Verification";
  AddText(app, "FILE", flags->file, "", "the receipt; - reads standard input");
  AddFlag(app, "--replay", flags->replay, "run the recorded tokens and options again and compare bits")->group(group);
  AddText(app, "--require-target", flags->require_target, "NAME", "accept only runs of these kernels")->group(group);
  AddFlag(app, "--allow-corrections", flags->allow_corrections, "accept a run whose model was corrected")->group(group);
  AddOutputFlags(app, &flags->json);
  AddSourceFlags(app, flags->model, ModelArgument::kFlagOnly);
  AddThreads(app, flags->model);
  AddLoadFlags(app, flags->model);
  AddUnusedFlags(app, flags->model, flags->session);
  return [flags] { return Verify(*flags); };
}

struct CompareFlags {
  ModelFlags model;
  SessionFlags session;
  std::string a, b;
  double min_agreement = 0.99;
  bool json = false;
};

std::string Share(double value) { return value < 0 ? "not known" : Fixed(100 * value, 2) + "%"; }

ExitCode Compare(const CompareFlags& flags) {
  if (flags.a.empty() || flags.b.empty()) throw Failure(ExitCode::kUsage, "two files are compared: give both");
  const std::string a = ReadStartOfFile(flags.a, kMaxReceiptBytes), b = ReadStartOfFile(flags.b, kMaxReceiptBytes);
  std::string json;
  const EndOnInterrupt while_it_computes;
  Result<bitnet_comparison_t> compared = compare_runs(a, b, &json);
  if (!compared && (compared.error().what() == "a" || compared.error().what() == "b")) {
    // The library's message begins with "a: ".
    const std::string& file = compared.error().what() == "a" ? flags.a : flags.b;
    throw Failure(ExitCodeFor(compared.error().status(), Doing::kWorking),
                  Quoted(file, 4096) + ": " + Printable(compared.error().message().substr(3)));
  }
  const bitnet_comparison_t c = Get(std::move(compared));
  if (flags.json) {
    Print(json);
  } else {
    const auto differ = [](uint32_t n) -> std::string {
      return n == BITNET_COMPARISON_NOT_KNOWN ? "not known" : n == 0 ? "the same" : Counted(n, "difference");
    };
    const auto same = [](uint32_t yes) {
      return yes == BITNET_COMPARISON_NOT_KNOWN ? "not known" : yes != 0 ? "the same" : "not the same";
    };
    Print("token agreement   " + Share(c.token_agreement) + "\n" +
          (c.first_difference < 0 ? "" : "first difference  token " + std::to_string(c.first_difference) + "\n") +
          "text similarity   " + Share(c.text_similarity) + "\nprompt            " + same(c.same_prompt) +
          "\nmodel             " + differ(c.n_model_differences) + "\ncorrections       " +
          differ(c.n_correction_differences) + "\noptions           " + differ(c.n_option_differences) + "\n");
  }
  if (c.token_agreement >= flags.min_agreement) return ExitCode::kSuccess;
  PrintError(c.token_agreement < 0 ? "the tokens cannot be compared: they are not in both documents"
                                   : "the outputs agree less than " + Share(flags.min_agreement));
  return ExitCode::kComparisonDiffers;
}

std::function<ExitCode()> SetUpCompare(CLI::App& app) {
  auto flags = std::make_shared<CompareFlags>();
  AddText(app, "A", flags->a, "", "a receipt, or a document of run --output");
  AddText(app, "B", flags->b, "", "another one");
  AddNumber(app, "--min-agreement", flags->min_agreement, {.min = 0, .max = 1},
            "share of equal tokens that counts as agreement (default: 0.99)");
  AddOutputFlags(app, &flags->json);
  AddUnusedFlags(app, flags->model, flags->session);
  return [flags] { return Compare(*flags); };
}

}  // namespace

const Command kVerifyReceiptCommand = {"verify-receipt", "check a receipt, and run it again",
                                       "bitnet verify-receipt receipt.json\n"
                                       "bitnet verify-receipt receipt.json --model model.gguf --replay",
                                       SetUp};

const Command kCompareOutputsCommand = {"compare-outputs", "tell how far two runs agree",
                                        "bitnet compare-outputs before.json after.json\n"
                                        "bitnet compare-outputs --min-agreement 1 a.json b.json",
                                        SetUpCompare};

}  // namespace bitnet::tool
