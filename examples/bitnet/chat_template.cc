#include "chat_template.h"

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "api_error.h"
#include "failure.h"
#include "file.h"
#include "text.h"

namespace bitnet::tool {
namespace {

// Seconds since 1970 of the calendar that `text` is in: the user's own for "now".
int64_t ReadTime(const std::string& text) {
  std::tm tm = {};
  if (text == "now") {
    const std::time_t now = std::time(nullptr);
    if (localtime_r(&now, &tm) == nullptr) throw Failure(ExitCode::kUnexpected, "--chat-time: no local time here");
    return timegm(&tm);
  }
  int n = 0;
  const int read = std::sscanf(text.c_str(), "%4d-%2d-%2d%nT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &n,
                               &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &n);
  const std::tm given = tm;
  tm.tm_year -= 1900;
  tm.tm_mon -= 1;
  const int64_t time = timegm(&tm);  // normalises: what is no date comes back as another one
  const bool same = tm.tm_year == given.tm_year - 1900 && tm.tm_mon == given.tm_mon - 1 &&
                    tm.tm_mday == given.tm_mday && tm.tm_hour == given.tm_hour && tm.tm_min == given.tm_min &&
                    tm.tm_sec == given.tm_sec;
  // Neither a blank nor a missing zero passes, nor a sign.
  const bool whole = ((read == 3 && text.size() == 10) || (read == 6 && text.size() == 19)) &&
                     std::count(text.begin(), text.end(), '-') == 2;
  if (!whole || static_cast<size_t>(n) != text.size() || text.find_first_of(" +\t\n\v\f\r") != std::string::npos ||
      !same || given.tm_year < 1) {
    throw Failure(ExitCode::kUsage,
                  "--chat-time: found " + Quoted(text) + ", expected now, 2024-07-26 or 2024-07-26T09:05:03");
  }
  return time;
}

}  // namespace

std::string ChatForms() {
  std::string names;
  for (size_t i = 0; const char* name = bitnet_chat_form(i); ++i) names += (i == 0 ? "" : ", ") + std::string(name);
  return names;
}

ChatTemplate::ChatTemplate(const Tokenizer& tokenizer, const TemplateFlags& flags) : form_(flags.form) {
  if (!flags.file.empty()) {
    if (!form_.empty() && form_ != "template")
      throw Failure(ExitCode::kUsage, "--chat-template: a template does not go with --template " + form_);
    NoteInput(flags.file);
    text_ = ReadFile(flags.file);
    if (text_.empty()) throw Failure(ExitCode::kUsage, "--chat-template: the file is empty");
    if (const size_t at = text_.find('\0'); at != std::string::npos)
      throw Failure(ExitCode::kUsage, "--chat-template: byte " + std::to_string(at) + " of the file is NUL");
    form_ = "template";
  }
  if (form_.empty()) form_ = tokenizer.info().chat_form;
  if (!flags.time.empty()) time_s_ = ReadTime(flags.time);
}

ChatOptions ChatTemplate::Options() const {
  ChatOptions options;
  if (!text_.empty()) options.chat_template = text_.c_str();
  if (time_s_) {
    options.flags = BITNET_CHAT_HAS_TIME;
    options.time_s = *time_s_;
  }
  return options;
}

std::string ChatTemplate::Problem(const Tokenizer& tokenizer) const {
  const auto text = tokenizer.chat_text({}, Options());
  return text ? "" : std::string(text.error().message());
}

void ChatTemplate::CheckSystemPart(const Tokenizer& tokenizer, const std::string& system) const {
  if (system.empty()) return;
  bool has_place = form_ != "raw" && form_ != "instruct";
  if (form_ == "template") {
    // A template that writes the same without the system part does not write it. One that refuses says so itself.
    const std::vector<Message> with = {{"system", system}, {"user", "a"}}, without = {{"user", "a"}};
    const auto a = tokenizer.chat_text(with, Options()), b = tokenizer.chat_text(without, Options());
    has_place = !a || !b || a.value() != b.value();
  }
  if (!has_place)
    throw Failure(ExitCode::kUsage, "--system: the chat template " + form_ + " has no place for a system part");
}

Tokens ChatTemplate::Apply(const Tokenizer& tokenizer, const std::vector<Message>& messages) const {
  if (form_ == "template") return Get(tokenizer.chat_tokens(messages, Options()), Doing::kRenderingChat);
  return Get(tokenizer.apply_chat(messages, form_.c_str()), Doing::kWorking, "chat template " + form_);
}

}  // namespace bitnet::tool
