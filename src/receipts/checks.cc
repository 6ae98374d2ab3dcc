#include "receipts/checks.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "receipts/writer.h"

namespace bitnet::receipts {

namespace {

using core::Cat;
using core::Quoted;

constexpr std::array<std::string_view, 5> kStopReasons = {"stop_id", "stop_string", "length", "context", "cancelled"};

bool IsLeap(int year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// The digits text[from, from + n) as a number; -1 when one is no digit.
int Digits(std::string_view text, size_t from, size_t n) {
  int value = 0;
  for (size_t i = from; i < from + n; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = 10 * value + (text[i] - '0');
  }
  return value;
}

// A text that may have been left out, beside its digest.
void CheckText(const std::optional<std::string>& text, const std::string& sha256, std::string_view name, Checks& c) {
  c.Expect(IsHex64(sha256), Cat("inference.", name, "_sha256"), "expected 64 hex digits");
  c.Expect(!text || TextSha256(*text) == sha256, Cat("inference.", name, "_sha256"), "is not the digest of ", name);
}

void CheckTokens(const std::optional<std::vector<int32_t>>& tokens, uint32_t count, uint32_t n_vocab,
                 std::string_view name, Checks& c) {
  if (!tokens) return;
  c.Expect(tokens->size() == count, Cat("inference.", name), "found ", tokens->size(), " tokens, the count says ",
           count);
  for (size_t i = 0; i < tokens->size(); ++i) {
    const int32_t id = (*tokens)[i];
    c.Expect(id >= 0 && static_cast<uint32_t>(id) < n_vocab, Cat("inference.", name, "[", i, "]"), "found id ", id,
             ", expected 0 to ", int64_t{n_vocab} - 1);
  }
}

// A rate, a time and a count that belong together. The count may miss the first of its tokens: a rate of n tokens is
// measured over n - 1 intervals where the clock starts at the first. One part in a hundred covers rounded numbers.
void CheckRate(double per_sec, double ms, uint32_t count, std::string_view field, Checks& c) {
  const double tokens = per_sec * ms / 1000;
  const double n = count;
  c.Expect(tokens >= 0.99 * (n - 1) && tokens <= 1.01 * n, Cat("inference.", field), per_sec, " tokens/s for ", ms,
           " ms are ", tokens, " tokens, found ", count);
}

void CheckTimes(const Inference& f, Checks& c) {
  const std::pair<std::string_view, double> numbers[] = {{"prompt_ms", f.prompt_ms},
                                                         {"generate_ms", f.generate_ms},
                                                         {"load_ms", f.load_ms},
                                                         {"prompt_tokens_per_sec", f.prompt_tokens_per_sec},
                                                         {"tokens_per_sec", f.tokens_per_sec},
                                                         {"time_to_first_token_ms", f.time_to_first_token_ms}};
  for (const auto& [name, value] : numbers) {
    c.Expect(value >= 0, Cat("inference.", name), "found ", value, ", expected 0 or more");
  }
  CheckRate(f.prompt_tokens_per_sec, f.prompt_ms, f.n_prompt_tokens - f.cached_tokens, "prompt_tokens_per_sec", c);
  CheckRate(f.tokens_per_sec, f.generate_ms, f.tokens_generated, "tokens_per_sec", c);
  c.Expect(f.tokens_generated == 0 || f.time_to_first_token_ms >= 0.99 * f.prompt_ms,
           "inference.time_to_first_token_ms", f.time_to_first_token_ms, " ms is less than prompt_ms, ", f.prompt_ms);
}

}  // namespace

bool IsHex64(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool IsTimestamp(std::string_view t) {
  // 2026-01-31T23:59:59Z, with a fraction of 1 to 9 digits before the Z or none.
  if (t.size() < 20 || t[4] != '-' || t[7] != '-' || t[10] != 'T' || t[13] != ':' || t[16] != ':') return false;
  if (t.back() != 'Z') return false;
  const std::string_view fraction = t.substr(19, t.size() - 20);
  if (!fraction.empty() && (fraction[0] != '.' || fraction.size() < 2 || fraction.size() > 10 ||
                            Digits(fraction, 1, fraction.size() - 1) < 0)) {
    return false;
  }
  const int year = Digits(t, 0, 4), month = Digits(t, 5, 2), day = Digits(t, 8, 2);
  if (year < 0 || month < 1 || month > 12) return false;
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const int days = kDays[month - 1] + (month == 2 && IsLeap(year) ? 1 : 0);
  const int hour = Digits(t, 11, 2), minute = Digits(t, 14, 2), second = Digits(t, 17, 2);
  return day >= 1 && day <= days && hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59 && second >= 0 &&
         second <= 60;
}

void CheckOptions(const Options& o, Checks& c) {
  const Sampler& s = o.sampler;
  const std::string_view field = "inference.options";
  c.Expect(s.temperature >= 0, Cat(field, ".sampler.temperature"), "found ", s.temperature, ", expected 0 or more");
  c.Expect(s.top_p > 0 && s.top_p <= 1, Cat(field, ".sampler.top_p"), "found ", s.top_p, ", expected 0 < p <= 1");
  c.Expect(s.min_p >= 0 && s.min_p <= 1, Cat(field, ".sampler.min_p"), "found ", s.min_p, ", expected 0 to 1");
  c.Expect(s.repeat_penalty > 0, Cat(field, ".sampler.repeat_penalty"), "found ", s.repeat_penalty,
           ", expected more than 0");
  c.Expect(o.n_ctx > 0, Cat(field, ".n_ctx"), "found 0, expected at least 1");
  c.Expect(o.kv_type == "f16" || o.kv_type == "f32", Cat(field, ".kv_type"), "found ", Quoted(o.kv_type),
           ", expected 'f16' or 'f32'");
  c.Expect(o.head == "full" || o.head == "shortcut", Cat(field, ".head"), "found ", Quoted(o.head),
           ", expected 'full' or 'shortcut'");
  for (size_t i = 0; i < o.stop_strings.size(); ++i) {
    c.Expect(!o.stop_strings[i].empty(), Cat(field, ".stop_strings[", i, "]"), "an empty text");
  }
}

void CheckInference(const Receipt& r, Checks& c) {
  const Inference& f = r.inference;
  CheckText(f.prompt, f.prompt_sha256, "prompt", c);
  CheckText(f.output, f.output_sha256, "output", c);
  CheckTokens(f.prompt_tokens, f.n_prompt_tokens, r.model.shape.n_vocab, "prompt_tokens", c);
  CheckTokens(f.output_tokens, f.tokens_generated, r.model.shape.n_vocab, "output_tokens", c);
  CheckOptions(f.options, c);

  const bool known = std::find(kStopReasons.begin(), kStopReasons.end(), f.stop_reason) != kStopReasons.end();
  c.Expect(known, "inference.stop_reason", "unknown reason ", Quoted(f.stop_reason));
  c.Expect(f.tokens_generated <= f.options.max_new_tokens, "inference.tokens_generated", "found ", f.tokens_generated,
           ", max_new_tokens is ", f.options.max_new_tokens);
  c.Expect((f.stop_reason == "length") <= (f.tokens_generated == f.options.max_new_tokens), "inference.stop_reason",
           "'length' after ", f.tokens_generated, " tokens, max_new_tokens is ", f.options.max_new_tokens);
  c.Expect(f.cached_tokens <= f.n_prompt_tokens, "inference.cached_tokens", "found ", f.cached_tokens, " of ",
           f.n_prompt_tokens, " prompt tokens");
  if (f.cached_tokens > f.n_prompt_tokens) return;
  // Every prompt token that was not there yet, and every draw but the last, which nothing evaluates.
  const uint64_t fed_back = f.tokens_generated == 0 ? 0 : f.tokens_generated - 1;
  const uint64_t needed = f.n_prompt_tokens - f.cached_tokens + fed_back;
  c.Expect(f.evaluated_tokens == needed, "inference.evaluated_tokens", "found ", f.evaluated_tokens,
           ", prompt and draws need ", needed);
  c.Expect(f.n_prompt_tokens + fed_back <= f.options.n_ctx, "inference.options.n_ctx", "found ", f.options.n_ctx,
           ", the run needs ", f.n_prompt_tokens + fed_back);
  c.Expect(r.logits_sha256.has_value() == (f.tokens_generated > 0), "logits_sha256",
           "present exactly when a token was drawn");
  c.Expect(!r.logits_sha256 || IsHex64(*r.logits_sha256), "logits_sha256", "expected 64 hex digits");
  c.Expect(r.logits_prefixes.size() == f.tokens_generated, "logits_prefixes", "found ", r.logits_prefixes.size(),
           ", expected one for each of ", f.tokens_generated, " draws");
  if (r.logits_sha256 && !r.logits_prefixes.empty()) {
    const std::string last = core::Hex(uint64_t{1} << 32 | r.logits_prefixes.back()).substr(3);  // 8 digits
    c.Expect(r.logits_sha256->starts_with(last), "logits_prefixes", "the last, ", last,
             ", does not begin logits_sha256");
  }
  CheckTimes(f, c);
}

}  // namespace bitnet::receipts
