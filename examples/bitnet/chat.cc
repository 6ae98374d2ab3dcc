// bitnet chat: a conversation, line by line.
#include <algorithm>
#include <memory>

#include "api_error.h"
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

constexpr const char* kHelp =
    "/system TEXT  set the system part (without TEXT: remove it)\n"
    "/clear        forget the conversation\n"
    "/save FILE    write the conversation as JSON\n"
    "/stats        tokens in the context, and speed\n"
    "/help         show this\n"
    "/exit         leave (so does Ctrl-D)\n"
    "Ctrl-C stops an answer, a second one the program.";

struct ChatFlags {
  ModelFlags model;
  SessionFlags session;
  SamplingFlags sampling;
  ReceiptFlags receipt;
  std::string system;
  TemplateFlags chat;
  bool json = false;
};

class Conversation {
 public:
  Conversation(const ChatFlags& flags, const LoadedModel& loaded, const ChatTemplate& chat)
      : flags_(flags),
        loaded_(loaded),
        chat_(chat),
        system_(flags.system),
        tokenizer_(loaded.model.tokenizer()),
        session_(MakeSession(loaded.model, flags.session)) {}

  // False: the conversation is over.
  bool Take(const std::string& line);

 private:
  void Answer(const std::string& text);
  void WriteReceipt() const;
  void SetSystem(const std::string& text);
  void Save(const std::string& path) const;
  void ShowStats() const;
  std::vector<Message> Messages() const;
  size_t KeepCommonTokens(const Tokens& tokens);

  const ChatFlags& flags_;
  const LoadedModel& loaded_;
  const ChatTemplate& chat_;
  std::string system_;
  std::vector<Message> history_;
  Tokenizer tokenizer_;
  Session session_;
  GenerationReport last_;
};

bool Conversation::Take(const std::string& line) {
  const size_t space = std::min(line.find(' '), line.size());
  const std::string word = line.substr(0, space);
  const std::string rest = space < line.size() ? line.substr(space + 1) : "";
  if (word == "/exit") return false;
  if (word == "/help") {
    Say(kHelp);
  } else if (word == "/clear") {
    history_.clear();
    Say("the conversation is forgotten");
  } else if (word == "/system") {
    SetSystem(rest);
  } else if (word == "/save") {
    Save(rest);
  } else if (word == "/stats") {
    ShowStats();
  } else if (word.starts_with("/")) {
    Say("no command " + Quoted(word) + "; /help shows them");
  } else if (line.find_first_not_of(" \t\r") != std::string::npos) {
    Answer(line);
  }
  return true;
}

void Conversation::SetSystem(const std::string& text) {
  try {
    chat_.CheckSystemPart(tokenizer_, text);
    system_ = text;
    Say(text.empty() ? "no system part from now on" : "the system part is set from now on");
  } catch (const Failure& failure) {
    Say(failure.what());  // the conversation goes on
  }
}

std::vector<Message> Conversation::Messages() const {
  std::vector<Message> messages;
  if (!system_.empty()) messages.push_back({"system", system_});
  messages.insert(messages.end(), history_.begin(), history_.end());
  return messages;
}

// Rolls the session back to what it has in common with `tokens`, at least one short of all of them, so that there is
// a row to draw from.
size_t Conversation::KeepCommonTokens(const Tokens& tokens) {
  const Tokens known = Get(session_.tokens());
  size_t n = 0;
  while (n < known.size() && n + 1 < tokens.size() && known[n] == tokens[n]) ++n;
  Get(session_.roll_back(static_cast<uint32_t>(n)));
  return n;
}

void Conversation::Answer(const std::string& text) {
  history_.push_back({"user", text});
  const Tokens tokens = chat_.Apply(tokenizer_, Messages());
  if (const uint32_t n_ctx = session_.info().n_ctx; tokens.size() > n_ctx) {
    history_.pop_back();
    Say("the conversation would have " + std::to_string(tokens.size()) + " tokens with this, the context holds " +
        std::to_string(n_ctx) + ": nothing was sent and nothing dropped; /clear starts again, --ctx makes room");
    return;
  }
  bool at_line_start = true;
  try {
    last_ = Generate(session_, tokens, KeepCommonTokens(tokens), flags_.sampling, chat_.form(), [&](const Step& step) {
      if (flags_.json || step.text.empty()) return;
      PrintGenerated(step.text);
      at_line_start = step.text.back() == '\n';
    });
  } catch (const Failure& failure) {
    if (failure.code() != ExitCode::kInterrupted) throw;
    history_.pop_back();  // stopped before the first word
    ForgetInterrupt();
    Say("stopped");
    return;
  }
  history_.push_back({"assistant", last_.output});
  if (flags_.json) {
    Print(RunDocument(loaded_, session_, last_).Line());
  } else if (!at_line_start) {
    Print("\n");
  }
  if (!flags_.receipt.file.empty()) WriteReceipt();
  if (last_.reason == BITNET_STOP_CONTEXT) {
    Say("the context is full, so the answer ends here; /clear starts again, --ctx makes room");
  } else if (last_.interrupted()) {
    ForgetInterrupt();
    Say("stopped");
  }
}

// The receipt of the last answer; an earlier one is replaced.
void Conversation::WriteReceipt() const {
  AtomicFile file(flags_.receipt.file);
  file.Write(MakeReceipt(session_, flags_.receipt, flags_.model));
  file.Commit();
}

void Conversation::Save(const std::string& path) const {
  if (path.empty()) {
    Say("/save needs the name of a file");
    return;
  }
  Json json;
  json.BeginObject().Key("model");
  WriteModel(json, loaded_);
  json.Field("template", chat_.form()).Key("messages").BeginArray();
  for (const Message& message : Messages()) {
    json.BeginObject().Field("role", message.role).Field("content", message.content).EndObject();
  }
  json.EndArray().EndObject();
  try {
    AtomicFile file(path);
    file.Write(json.Line());
    file.Commit();
    Say("saved to " + Quoted(path, 4096));
  } catch (const Failure& failure) {
    Say(failure.what());  // the conversation goes on
  }
}

void Conversation::ShowStats() const {
  const bitnet_session_info_t session = session_.info();
  const Facts facts = Get(session_.facts());
  Say(Format("context: %u of %u tokens; target %s, ", session.position, session.n_ctx, facts.info().target) +
      Counted(facts.info().threads, "thread"));
  if (!last_.prompt_tokens.empty()) Say("last answer: " + last_.ClosingLine());
}

ExitCode Chat(const ChatFlags& flags) {
  CheckReceiptFlags(flags.receipt, flags.sampling.max_new_tokens);
  const KnownDigest digest = FindDigest(flags.receipt, flags.model);
  const LoadedModel loaded = LoadModel(flags.model, /*verify=*/false, digest.get(), digest.compute);
  if (!flags.receipt.file.empty()) CheckOutput(flags.receipt.file);  // before the first answer
  const Tokenizer tokenizer = loaded.model.tokenizer();
  const ChatTemplate chat(tokenizer, flags.chat);
  if (chat.form().empty()) {
    throw Failure(ExitCode::kRequestNotMet,
                  chat.Problem(tokenizer) + ": choose a chat form with --template: " + ChatForms());
  }
  chat.CheckSystemPart(tokenizer, flags.system);
  Conversation conversation(flags, loaded, chat);
  const bool asks = StdinIsTerminal();
  if (asks)
    Note("chat with " + loaded.source.DisplayName() + " (template " + chat.form() + "); /help shows the commands");
  LineReader reader;
  for (std::string line;;) {
    if (asks) ShowPrompt("> ");
    switch (reader.Next(line)) {
      case LineReader::Result::kEnd:
        if (asks) Note("");
        return ExitCode::kSuccess;
      case LineReader::Result::kInterrupted: throw Failure(ExitCode::kInterrupted, "interrupted");
      case LineReader::Result::kLine: break;
    }
    if (line.ends_with('\r')) line.pop_back();  // of a file written elsewhere
    if (!conversation.Take(line)) return ExitCode::kSuccess;
  }
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<ChatFlags>();
  const std::string group = "Conversation";
  AddText(app, "--system", flags->system, "TEXT", "the system part of the conversation")->group(group);
  AddTemplateFlags(app, flags->chat, group);
  AddSamplingFlags(app, flags->sampling);
  AddSessionFlags(app, flags->session);
  AddReceiptFlags(app, flags->receipt);
  AddOutputFlags(app, &flags->json);
  AddSourceFlags(app, flags->model, ModelArgument::kPositional);
  AddCorrectionFlags(app, flags->model.corrections);
  AddThreads(app, flags->model);
  AddLoadFlags(app, flags->model);
  return [flags] { return Chat(*flags); };
}

}  // namespace

const Command kChatCommand = {"chat", "hold a conversation, line by line",
                              "bitnet chat\n"
                              "bitnet chat --model model.gguf --system \"Answer briefly.\" --temp 0.7",
                              SetUp};

}  // namespace bitnet::tool
