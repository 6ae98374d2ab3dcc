#include "receipts/compare.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "core/base/json_place.h"
#include "core/base/text.h"
#include "receipts/canonical_json.h"
#include "receipts/reader.h"

namespace bitnet::receipts {

namespace {

using core::Cat;
using core::Code;
using core::JsonMember;
using core::JsonValue;
using core::Result;
using core::Status;

// Two texts of this length are compared in about a second.
constexpr size_t kMaxCharacters = 32768;

struct Run {
  JsonValue document;
  std::optional<std::vector<double>> tokens;
  size_t n_tokens = 0;
  // A member beside output_tokens: receipts have these in `inference`, results of run at the top.
  const JsonValue* Find(std::string_view key) const {
    const JsonValue* inference = document.Find("inference");
    return inference != nullptr ? inference->Find(key) : document.Find(key);
  }
};

// kBadFormat with the document's name, the place of `at` in its text and the message.
Status BadDocument(const JsonValue& root, std::string_view text, std::string_view name, const JsonValue& at,
                   std::string_view message) {
  const JsonValue* const value = &at;
  return Status(Code::kBadFormat, Cat(name, ": ", core::PlacesInJson(text, root, {&value, 1})[0], ": ", message),
                std::string(name));
}

Result<Run> ReadRun(std::string_view text, std::string_view name) {
  const auto named = [&](const Status& status) {
    return Status(status.code(), Cat(name, ": ", status.message()), std::string(name));
  };
  if (const Status size = CheckSize(text); !size.ok()) return named(size);
  Result<JsonValue> json = core::ParseJson(text);
  if (!json.ok()) return named(json.status());
  Run run;
  run.document = *std::move(json);
  const JsonValue& root = run.document;
  const auto bad = [&](const JsonValue& at, std::string_view field, std::string_view expected) {
    return BadDocument(root, text, name, at,
                       Cat(field, field.empty() ? "" : ": ", "found ", KindName(at), ", expected ", expected));
  };
  if (root.kind != JsonValue::Kind::kObject) return bad(root, "", "a receipt or a result of run");
  const JsonValue* inference = root.Find("inference");
  if (inference != nullptr && inference->kind != JsonValue::Kind::kObject)
    return bad(*inference, "inference", "an object");
  const JsonValue& object = inference != nullptr ? *inference : root;
  const std::string prefix = inference != nullptr ? "inference." : "";
  const JsonValue *tokens = object.Find("output_tokens"), *output = object.Find("output");
  if (tokens == nullptr && object.Find("output_sha256") == nullptr) {
    return BadDocument(root, text, name, object, "neither a receipt nor a result of run: no output_tokens");
  }
  if (output != nullptr && output->kind != JsonValue::Kind::kString) return bad(*output, prefix + "output", "a string");
  if (tokens == nullptr) {
    const JsonValue* n = object.Find("tokens_generated");
    if (n != nullptr && n->kind == JsonValue::Kind::kUint) run.n_tokens = n->uinteger;
    return run;
  }
  if (tokens->kind != JsonValue::Kind::kArray) return bad(*tokens, prefix + "output_tokens", "an array");
  run.tokens.emplace();
  for (size_t i = 0; i < tokens->array.size(); ++i) {
    const JsonValue& id = tokens->array[i];
    const bool is_id = id.is_number() && id.number >= 0 && id.number <= std::numeric_limits<int32_t>::max() &&
                       id.number == std::floor(id.number);
    if (!is_id) return bad(id, Cat(prefix, "output_tokens[", i, "]"), "a token id");
    run.tokens->push_back(id.number);
  }
  run.n_tokens = run.tokens->size();
  return run;
}

// ---- Texts ----

// Code points of a text that the JSON reader has checked.
std::u32string Characters(std::string_view utf8) {
  std::u32string out;
  for (const char c : utf8) {
    const auto byte = static_cast<uint8_t>(c);
    if ((byte & 0xC0) != 0x80) {
      out.push_back(byte < 0x80 ? byte : byte < 0xE0 ? byte & 0x1F : byte < 0xF0 ? byte & 0x0F : byte & 0x07);
    } else {
      out.back() = (out.back() << 6) | (byte & 0x3F);
    }
  }
  return out;
}

// Levenshtein: the least number of insertions, deletions and replacements, row by row.
size_t EditDistance(std::u32string_view a, std::u32string_view b) {
  while (!a.empty() && !b.empty() && a.front() == b.front()) a.remove_prefix(1), b.remove_prefix(1);
  while (!a.empty() && !b.empty() && a.back() == b.back()) a.remove_suffix(1), b.remove_suffix(1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({replaced, row[j] + 1, row[j - 1] + 1}));
    }
  }
  return row.back();
}

std::optional<double> Similarity(const JsonValue* a, const JsonValue* b) {
  if (a == nullptr || b == nullptr) return std::nullopt;
  const std::u32string x = Characters(a->string), y = Characters(b->string);
  const size_t longer = std::max(x.size(), y.size());
  if (longer > kMaxCharacters) return std::nullopt;
  return longer == 0 ? 1.0 : 1.0 - static_cast<double>(EditDistance(x, y)) / static_cast<double>(longer);
}

// ---- Values ----

std::string ShortText(const JsonValue* value) {
  constexpr size_t kMax = 120;
  if (value == nullptr) return "absent";
  std::string text = CanonicalJson(*value);
  if (text.size() > kMax) text.replace(kMax, std::string::npos, "...");
  return text;
}

// Every leaf, or list, that differs below two objects; members that one of them lacks included.
void AddDifferences(const JsonValue* a, const JsonValue* b, const std::string& field, std::vector<Difference>& out) {
  const bool objects = a != nullptr && b != nullptr && a->kind == JsonValue::Kind::kObject && b->kind == a->kind;
  if (!objects) {
    if ((a == nullptr) != (b == nullptr) || (a != nullptr && CanonicalJson(*a) != CanonicalJson(*b))) {
      out.push_back({field, ShortText(a), ShortText(b)});
    }
    return;
  }
  const auto below = [&](const std::string& key) { return field.empty() ? key : Cat(field, ".", key); };
  for (const JsonMember& member : a->object) {
    AddDifferences(&member.value, b->Find(member.key), below(member.key), out);
  }
  for (const JsonMember& member : b->object) {
    if (a->Find(member.key) == nullptr) AddDifferences(nullptr, &member.value, below(member.key), out);
  }
}

// What makes a model: not where it lies, nor how its digest was come by.
std::vector<Difference> ModelDifferences(const Run& a, const Run& b) {
  std::vector<Difference> out;
  const JsonValue *x = a.document.Find("model"), *y = b.document.Find("model");
  for (const char* key : {"fingerprint", "ternary_sha256", "ternary_scales_sha256", "architecture", "name",
                          "quantization", "size_bytes", "load"}) {
    const JsonValue *p = x != nullptr ? x->Find(key) : nullptr, *q = y != nullptr ? y->Find(key) : nullptr;
    if (p == nullptr || q == nullptr) continue;  // results of run say less than receipts
    if (std::string_view(key) == "size_bytes" && p->kind != q->kind) continue;
    AddDifferences(p, q, Cat("model.", key), out);
  }
  return out;
}

std::vector<Difference> CorrectionDifferences(const Run& a, const Run& b) {
  std::vector<Difference> out;
  const auto part = [](const Run& run, const char* key) -> const JsonValue* {
    const JsonValue* corrections = run.document.Find("corrections");
    return corrections != nullptr ? corrections->Find(key) : nullptr;
  };
  AddDifferences(part(a, "policy_sha256"), part(b, "policy_sha256"), "corrections.policy_sha256", out);
  const auto applied = [&](const Run& run) {
    const JsonValue* list = part(run, "applied");
    return list != nullptr ? list->array.size() : 0;
  };
  if (applied(a) != applied(b)) out.push_back({"corrections.applied", Cat(applied(a)), Cat(applied(b))});
  return out;
}

void CompareTokens(const Run& a, const Run& b, Comparison& out) {
  out.n_tokens_a = a.n_tokens;
  out.n_tokens_b = b.n_tokens;
  if (!a.tokens || !b.tokens) {
    std::vector<Difference> different;
    AddDifferences(a.Find("output_sha256"), b.Find("output_sha256"), "", different);
    if (different.empty() && a.n_tokens == b.n_tokens) out.token_agreement = 1;
    return;
  }
  const std::vector<double>&x = *a.tokens, &y = *b.tokens;
  const size_t shorter = std::min(x.size(), y.size()), longer = std::max(x.size(), y.size());
  size_t equal = 0;
  for (size_t i = 0; i < longer; ++i) {
    if (i < shorter && x[i] == y[i]) {
      ++equal;
    } else if (!out.first_difference) {
      out.first_difference = i;
    }
  }
  out.token_agreement = longer == 0 ? 1.0 : static_cast<double>(equal) / static_cast<double>(longer);
}

std::optional<bool> SamePrompt(const Run& a, const Run& b) {
  for (const char* key : {"prompt_tokens", "prompt_sha256"}) {
    const JsonValue *x = a.Find(key), *y = b.Find(key);
    if (x != nullptr && y != nullptr) return CanonicalJson(*x) == CanonicalJson(*y);
  }
  return std::nullopt;
}

}  // namespace

Result<Comparison> Compare(std::string_view a, std::string_view b) {
  BN_ASSIGN_OR_RETURN(const Run x, ReadRun(a, "a"));
  BN_ASSIGN_OR_RETURN(const Run y, ReadRun(b, "b"));
  Comparison out;
  CompareTokens(x, y, out);
  out.text_similarity = Similarity(x.Find("output"), y.Find("output"));
  out.same_prompt = SamePrompt(x, y);
  out.model = ModelDifferences(x, y);
  // A receipt without corrections says that there were none.
  out.corrections_known = x.document.Find("inference") != nullptr && y.document.Find("inference") != nullptr;
  if (out.corrections_known) out.corrections = CorrectionDifferences(x, y);
  const JsonValue *options_a = x.Find("options"), *options_b = y.Find("options");
  out.options_known = options_a != nullptr && options_b != nullptr;
  if (out.options_known) {
    AddDifferences(options_a, options_b, "inference.options", out.options);
  }
  return out;
}

}  // namespace bitnet::receipts
