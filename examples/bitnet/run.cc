// bitnet run: one prompt, one answer.
#include <cctype>
#include <memory>
#include <optional>

#include "chat_template.h"
#include "command.h"
#include "failure.h"
#include "file.h"
#include "generation.h"
#include "interrupt.h"
#include "receipts.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

struct RunFlags {
  ModelFlags model;
  SessionFlags session;
  SamplingFlags sampling;
  ReceiptFlags receipt;
  std::optional<std::string> prompt;
  std::string prompt_file;
  Tokens tokens;
  std::string system;
  TemplateFlags chat;
  bool stream = false;
  std::string output;
  bool json = false;
};

void CheckPrompt(const RunFlags& flags) {
  const int n_given = flags.prompt.has_value() + !flags.prompt_file.empty() + !flags.tokens.empty();
  if (n_given != 1) {
    throw Failure(ExitCode::kUsage, std::string(n_given == 0 ? "no prompt" : "several prompts") +
                                        ": give one of --prompt, --prompt-file, --tokens");
  }
  if (!flags.tokens.empty() && (!flags.system.empty() || flags.chat.given())) {
    throw Failure(
        ExitCode::kUsage,
        "--tokens are taken exactly as they are: leave out --system, --template, --chat-template and --chat-time");
  }
}

// Prints what a generation says while it says it. A reader that goes away ends the run, unless files are to come of it.
class Stream {
 public:
  Stream(bool text, bool ndjson, bool has_files) : text_(text), ndjson_(ndjson), has_files_(has_files) {}
  void operator()(const Step& step) {
    if (ndjson_) {
      Json line;
      line.BeginObject().Key("token");
      step.token >= 0 ? line.Value(step.token) : line.Null();
      Show(Print, line.Field("text", step.text).EndObject().Line());
    } else if (text_ && !step.text.empty()) {
      Show(PrintGenerated, step.text);
      at_line_start_ = step.text.back() == '\n';
    }
  }
  void Finish() {
    if (text_ && !at_line_start_) Show(Print, "\n");
  }
  void ShowDocument(const std::string& document) { Show(Print, document); }

 private:
  void Show(void (*print)(std::string_view), std::string_view bytes) {
    if (reader_left_) return;
    try {
      print(bytes);
    } catch (const ClosedPipe&) {
      if (!has_files_) throw;
      reader_left_ = true;
    }
  }

  bool text_, ndjson_, has_files_;
  bool at_line_start_ = true;
  bool reader_left_ = false;
};

ExitCode Run(const RunFlags& flags) {
  CheckPrompt(flags);
  CheckReceiptFlags(flags.receipt, flags.sampling.max_new_tokens);
  if (!flags.prompt_file.empty()) NoteInput(flags.prompt_file);
  const std::string text = flags.prompt ? *flags.prompt : flags.tokens.empty() ? ReadFile(flags.prompt_file) : "";
  std::optional<AtomicFile> output;
  if (!flags.output.empty()) output.emplace(flags.output);
  std::optional<AtomicFile> receipt;
  if (!flags.receipt.file.empty()) receipt.emplace(flags.receipt.file);
  const KnownDigest digest = FindDigest(flags.receipt, flags.model);
  const LoadedModel loaded = LoadModel(flags.model, /*verify=*/false, digest.get(), digest.compute);
  const Tokenizer tokenizer = loaded.model.tokenizer();
  std::string form;
  Tokens prompt;
  if (!flags.tokens.empty()) {
    prompt = CheckedTokens(flags.tokens, tokenizer);
  } else {
    ChatTemplate chat(tokenizer, flags.chat);
    const EndOnInterrupt while_it_computes;
    if (chat.form().empty()) {
      Note("bitnet: " + chat.Problem(tokenizer) + ": the prompt is taken as raw text; --template chooses " +
           ChatForms());
      chat.UseRawText();
    }
    form = chat.form();
    chat.CheckSystemPart(tokenizer, flags.system);
    std::vector<Message> messages;
    if (!flags.system.empty()) messages.push_back({"system", flags.system});
    messages.push_back({"user", text});
    prompt = chat.Apply(tokenizer, messages);
  }
  Session session = MakeSession(loaded.model, flags.session);
  RequireRoom(session, prompt.size(), loaded.model);

  Stream stream(/*text=*/!flags.json, /*ndjson=*/flags.json && flags.stream, /*has_files=*/output || receipt);
  const GenerationReport report =
      Generate(session, prompt, 0, flags.sampling, form, [&](const Step& step) { stream(step); });
  stream.Finish();
  if (flags.json || output) {
    const std::string document = RunDocument(loaded, session, report).Line();
    if (flags.json) stream.ShowDocument(document);
    if (output) {
      output->Write(document);
      output->Commit();
    }
  }
  if (receipt) {
    receipt->Write(MakeReceipt(session, flags.receipt, flags.model));
    receipt->Commit();
    RememberDigest(digest, loaded);
  }
  Note(report.ClosingLine());
  return report.interrupted() ? ExitCode::kInterrupted : ExitCode::kSuccess;
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<RunFlags>();
  const std::string prompt = "Prompt";
  AddOptionalText(app, "-p,--prompt", flags->prompt, "TEXT",
                  "what the user says: one turn in the model's chat template, raw text where it has none")
      ->group(prompt);
  AddText(app, "-f,--prompt-file", flags->prompt_file, "FILE", "read the prompt from a file, or from standard input: -")
      ->group(prompt);
  AddList(app, "--tokens", flags->tokens, 0, std::numeric_limits<int32_t>::max(),
          "exactly these token ids, nothing added")
      ->group(prompt);
  AddText(app, "--system", flags->system, "TEXT", "the system part of the chat template")->group(prompt);
  AddTemplateFlags(app, flags->chat, prompt);
  AddSamplingFlags(app, flags->sampling);
  AddSessionFlags(app, flags->session);
  AddFlag(app, "--stream", flags->stream, "with --json: a line {token, text} for each token before the document")
      ->group("Output");
  AddText(app, "-o,--output", flags->output, "FILE", "also write the JSON document to this file, whole or not at all")
      ->group("Output");
  AddReceiptFlags(app, flags->receipt);
  AddOutputFlags(app, &flags->json);
  AddSourceFlags(app, flags->model, ModelArgument::kPositional);
  AddCorrectionFlags(app, flags->model.corrections);
  AddThreads(app, flags->model);
  AddLoadFlags(app, flags->model);
  return [flags] { return Run(*flags); };
}

}  // namespace

const Command kRunCommand = {"run", "answer one prompt",
                             "bitnet run --prompt \"Why is the sky blue?\"\n"
                             "bitnet run -p \"Tell me a story.\" --temp 0.8 --seed 7 -n 200\n"
                             "bitnet run --template raw -p \"Once upon a time\" --stop \".\"\n"
                             "bitnet run --model model.gguf --prompt-file - --json < question.txt\n"
                             "bitnet run -p \"What is 7 plus 8?\" --receipt receipt.json",
                             SetUp};

}  // namespace bitnet::tool
