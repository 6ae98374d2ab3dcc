#include "core/tokenizer/json_components.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/format/limits.h"
#include "core/tokenizer/pre_tokenizers.h"

namespace bitnet::core {
namespace {

constexpr std::string_view kNormalizer = "normalizer";
constexpr std::string_view kPreTokenizer = "pre_tokenizer";
constexpr std::string_view kPostProcessor = "post_processor";
constexpr std::string_view kDecoder = "decoder";

Status Unknown(std::string_view field, std::string_view what, std::string_view found, std::string_view expected) {
  return BadTokenizerJson(field, Cat(what, " ", Quoted(found, 160), ", expected ", expected), Code::kUnsupported);
}

// A member that may be absent or null.
const JsonValue* Present(const JsonValue* value) {
  return value != nullptr && value->kind != JsonValue::Kind::kNull ? value : nullptr;
}

// Calls fn(component, is_first) for `value`, or for each member of a Sequence, which holds them in `list`. JSON bounds
// how deep sequences can lie in one another.
template <typename F>
Status ForEachComponent(const JsonValue& value, std::string_view list, std::string_view field, F&& fn,
                        bool is_first = true) {
  BN_ASSIGN_OR_RETURN(const std::string_view type, JsonText(value, "type", "", field));
  if (type != "Sequence") return fn(value, is_first);
  const JsonValue* members = value.Find(list);
  if (members == nullptr || members->kind != JsonValue::Kind::kArray) {
    return BadTokenizerJson(field, Cat("a Sequence without the list ", Quoted(list)));
  }
  for (const JsonValue& member : members->array) {
    BN_RETURN_IF_ERROR(ForEachComponent(member, list, field, fn, is_first));
    is_first = false;
  }
  return {};
}

// The pattern {"String": text} of a component, `what`.
Result<std::string_view> StringPattern(const JsonValue& component, std::string_view what, std::string_view field) {
  const JsonValue* pattern = component.Find("pattern");
  const JsonValue* text = pattern != nullptr ? pattern->Find("String") : nullptr;
  if (text == nullptr || text->kind != JsonValue::Kind::kString || text->string.empty()) {
    return BadTokenizerJson(field, Cat(what, " whose pattern is no String, expected a text that is not empty"),
                            Code::kUnsupported);
  }
  return std::string_view(text->string);
}

Status AddPattern(std::string_view regex, bool must_cover, JsonPreTokenizer& out) {
  if (out.split.size() >= kMaxSplitSteps) {
    return BadTokenizerJson(kPreTokenizer, Cat("more than ", kMaxSplitSteps, " patterns, which is the limit"),
                            Code::kLimit);
  }
  Result<std::shared_ptr<const WordPattern>> pattern = WordPattern::Compile(regex);
  if (!pattern.ok()) {
    return BadTokenizerJson(kPreTokenizer, Cat("a Split by ", Quoted(regex, 160), ": ", pattern.status().message()),
                            pattern.status().code());
  }
  if (must_cover && !(*pattern)->CoversText()) {
    return Unknown(kPreTokenizer, "a Split that removes text beside the matches of", regex,
                   "a pattern that matches at every character");
  }
  out.split.emplace_back(*std::move(pattern));
  out.regexes.emplace_back(regex);
  return {};
}

// Isolated: both the matches and what lies between them are pieces. "Removed" with "invert" keeps the matches alone.
Status ReadSplit(const JsonValue& component, JsonPreTokenizer& out) {
  BN_ASSIGN_OR_RETURN(const std::string_view behavior, JsonText(component, "behavior", "", kPreTokenizer));
  BN_ASSIGN_OR_RETURN(const bool invert, JsonFlag(component, "invert", false, kPreTokenizer));
  const bool removes = behavior == "Removed" && invert;
  if (!removes && (behavior != "Isolated" || invert)) {
    return Unknown(kPreTokenizer, "a Split with the behavior", behavior, "Isolated, or Removed with invert");
  }
  const JsonValue* pattern = component.Find("pattern");
  const JsonValue* regex = pattern != nullptr ? pattern->Find("Regex") : nullptr;
  if (regex != nullptr && regex->kind == JsonValue::Kind::kString) return AddPattern(regex->string, removes, out);
  BN_ASSIGN_OR_RETURN(const std::string_view text, StringPattern(component, "a Split", kPreTokenizer));
  return AddPattern(LiteralRegex(text), removes, out);
}

// "prepend_scheme", or the older "add_prefix_space", of a Metaspace component.
Result<SpacePrefix> ReadMetaspace(const JsonValue& component, std::string_view field) {
  BN_ASSIGN_OR_RETURN(const std::string_view sign, JsonText(component, "replacement", kSpaceSign, field));
  if (sign != kSpaceSign) return Unknown(field, "a Metaspace with the replacement", sign, "U+2581");
  BN_ASSIGN_OR_RETURN(const bool old_prefix, JsonFlag(component, "add_prefix_space", true, field));
  BN_ASSIGN_OR_RETURN(const std::string_view scheme,
                      JsonText(component, "prepend_scheme", old_prefix ? "always" : "never", field));
  if (scheme == "always") return SpacePrefix::kAlways;
  if (scheme == "first") return SpacePrefix::kFirst;
  if (scheme == "never") return SpacePrefix::kNever;
  return Unknown(field, "a Metaspace with the prepend_scheme", scheme, "always, first or never");
}

Status ReadPreTokenizerStep(const JsonValue& component, bool is_first, JsonPreTokenizer& out) {
  if (out.byte_level) return BadTokenizerJson(kPreTokenizer, "a component after ByteLevel, expected ByteLevel last");
  BN_ASSIGN_OR_RETURN(const std::string_view type, JsonText(component, "type", "", kPreTokenizer));
  if (type == "Split") return ReadSplit(component, out);
  if (type == "Digits") {
    BN_ASSIGN_OR_RETURN(const bool individual, JsonFlag(component, "individual_digits", false, kPreTokenizer));
    return AddPattern(individual ? R"(\p{N})" : R"(\p{N}+)", false, out);
  }
  if (type == "ByteLevel") {
    BN_ASSIGN_OR_RETURN(const bool prefix, JsonFlag(component, "add_prefix_space", true, kPreTokenizer));
    BN_ASSIGN_OR_RETURN(const bool use_regex, JsonFlag(component, "use_regex", true, kPreTokenizer));
    if (prefix && !is_first) {
      return BadTokenizerJson(kPreTokenizer, "a ByteLevel with add_prefix_space after another component",
                              Code::kUnsupported);
    }
    out.byte_level = true;
    if (prefix) out.prefix = SpacePrefix::kAlways;
    return use_regex ? AddPattern(kGpt2Regex, /*must_cover=*/false, out) : Status();
  }
  if (type == "Metaspace") {
    if (!is_first) return BadTokenizerJson(kPreTokenizer, "a Metaspace after another component", Code::kUnsupported);
    BN_ASSIGN_OR_RETURN(out.prefix, ReadMetaspace(component, kPreTokenizer));
    BN_ASSIGN_OR_RETURN(const bool split, JsonFlag(component, "split", true, kPreTokenizer));
    out.space_sign = true;
    if (split) out.split.emplace_back(SplitBeforeSpaces);
    return {};
  }
  return Unknown(kPreTokenizer, "a component", type, "ByteLevel, Metaspace, Split, Digits or Sequence");
}

// The id of {"SpecialToken": {"id": name}} by the table of TemplateProcessing.
Result<int64_t> TemplateToken(const JsonValue& table, const JsonValue& token) {
  BN_ASSIGN_OR_RETURN(const std::string_view name, JsonText(token, "id", "", kPostProcessor));
  const JsonValue* entry = table.Find(name);
  const JsonValue* ids = entry != nullptr ? entry->Find("ids") : nullptr;
  if (ids == nullptr || ids->array.size() != 1 || ids->array[0].kind != JsonValue::Kind::kUint ||
      ids->array[0].uinteger > INT32_MAX) {
    return BadTokenizerJson(kPostProcessor, Cat("no single id for the token ", Quoted(name)));
  }
  return static_cast<int64_t>(ids->array[0].uinteger);
}

Status ReadTemplate(const JsonValue& component, JsonPostProcessor& out) {
  const JsonValue* single = component.Find("single");
  const JsonValue* table = component.Find("special_tokens");
  if (single == nullptr || single->kind != JsonValue::Kind::kArray || table == nullptr) {
    return BadTokenizerJson(kPostProcessor, "a TemplateProcessing without 'single' or 'special_tokens'");
  }
  bool seen_text = false;
  for (const JsonValue& piece : single->array) {
    const JsonValue* token = piece.Find("SpecialToken");
    if (token == nullptr) {
      if (piece.Find("Sequence") == nullptr || seen_text) {
        return BadTokenizerJson(kPostProcessor, "a template that is not one text with tokens around it",
                                Code::kUnsupported);
      }
      seen_text = true;
      continue;
    }
    int64_t& place = seen_text ? out.after : out.before;
    if (place >= 0) {
      return BadTokenizerJson(kPostProcessor, "more than one token before or after the text", Code::kUnsupported);
    }
    BN_ASSIGN_OR_RETURN(place, TemplateToken(*table, *token));
  }
  if (!seen_text) return BadTokenizerJson(kPostProcessor, "a template without a text");
  return {};
}

}  // namespace

Status BadTokenizerJson(std::string_view field, std::string_view problem, Code code) {
  return Status(code, Cat("tokenizer.json: ", field, " has ", problem), std::string(field));
}

Result<bool> JsonFlag(const JsonValue& object, std::string_view key, bool absent, std::string_view field) {
  const JsonValue* value = Present(object.Find(key));
  if (value == nullptr) return absent;
  if (value->kind == JsonValue::Kind::kBool) return value->boolean;
  return BadTokenizerJson(field, Cat("a ", Quoted(key), " that is neither true nor false"));
}

Result<std::string_view> JsonText(const JsonValue& object, std::string_view key, std::string_view absent,
                                  std::string_view field) {
  const JsonValue* value = Present(object.Find(key));
  if (value == nullptr) return absent;
  if (value->kind == JsonValue::Kind::kString) return std::string_view(value->string);
  return BadTokenizerJson(field, Cat("a ", Quoted(key), " that is no text"));
}

Result<std::vector<NormalizerStep>> ReadJsonNormalizer(const JsonValue* normalizer) {
  std::vector<NormalizerStep> steps;
  uint64_t growth = 1;
  if (Present(normalizer) == nullptr) return steps;
  BN_RETURN_IF_ERROR(ForEachComponent(*normalizer, "normalizers", kNormalizer, [&](const JsonValue& c, bool) -> Status {
    if (steps.size() >= kMaxNormalizers) {
      return BadTokenizerJson(kNormalizer, Cat("more than ", kMaxNormalizers, " components, which is the limit"),
                              Code::kLimit);
    }
    BN_ASSIGN_OR_RETURN(const std::string_view type, JsonText(c, "type", "", kNormalizer));
    if (type == "NFC" || type == "NFKC") {
      steps.push_back({type == "NFC" ? NormalizerStep::kNfc : NormalizerStep::kNfkc, {}, {}});
    } else if (type == "Prepend") {
      BN_ASSIGN_OR_RETURN(const std::string_view text, JsonText(c, "prepend", "", kNormalizer));
      steps.push_back({NormalizerStep::kPrepend, {}, std::string(text)});
    } else if (type == "Replace") {
      BN_ASSIGN_OR_RETURN(const std::string_view pattern, StringPattern(c, "a Replace", kNormalizer));
      BN_ASSIGN_OR_RETURN(const std::string_view content, JsonText(c, "content", "", kNormalizer));
      growth *= std::max<uint64_t>(1, (content.size() + pattern.size() - 1) / pattern.size());
      if (growth > kMaxReplaceGrowth) {
        return BadTokenizerJson(
            kNormalizer,
            Cat("replacements that make a text more than ", kMaxReplaceGrowth, " times as long, which is the limit"),
            Code::kLimit);
      }
      steps.push_back({NormalizerStep::kReplace, std::string(pattern), std::string(content)});
    } else {
      return Unknown(kNormalizer, "a component", type, "NFC, NFKC, Prepend, Replace or Sequence");
    }
    return {};
  }));
  return steps;
}

Result<JsonPreTokenizer> ReadJsonPreTokenizer(const JsonValue* pre_tokenizer) {
  JsonPreTokenizer out;
  if (Present(pre_tokenizer) == nullptr) return out;
  BN_RETURN_IF_ERROR(
      ForEachComponent(*pre_tokenizer, "pretokenizers", kPreTokenizer,
                       [&](const JsonValue& c, bool is_first) { return ReadPreTokenizerStep(c, is_first, out); }));
  return out;
}

Result<JsonPostProcessor> ReadJsonPostProcessor(const JsonValue* post_processor) {
  JsonPostProcessor out;
  if (Present(post_processor) == nullptr) return out;
  BN_RETURN_IF_ERROR(
      ForEachComponent(*post_processor, "processors", kPostProcessor, [&](const JsonValue& c, bool) -> Status {
        BN_ASSIGN_OR_RETURN(const std::string_view type, JsonText(c, "type", "", kPostProcessor));
        if (type == "ByteLevel") return {};  // changes offsets alone
        if (type == "TemplateProcessing") return ReadTemplate(c, out);
        return Unknown(kPostProcessor, "a component", type, "ByteLevel, TemplateProcessing or Sequence");
      }));
  return out;
}

Result<bool> ReadJsonDecoder(const JsonValue* decoder) {
  bool strips = false;
  if (Present(decoder) == nullptr) return strips;
  BN_RETURN_IF_ERROR(ForEachComponent(*decoder, "decoders", kDecoder, [&](const JsonValue& c, bool) -> Status {
    BN_ASSIGN_OR_RETURN(const std::string_view type, JsonText(c, "type", "", kDecoder));
    if (type == "ByteLevel" || type == "ByteFallback" || type == "Fuse") return {};
    if (type == "Metaspace") {
      BN_ASSIGN_OR_RETURN(const SpacePrefix prefix, ReadMetaspace(c, kDecoder));
      strips = prefix != SpacePrefix::kNever;
      return {};
    }
    if (type == "Replace") {
      BN_ASSIGN_OR_RETURN(const std::string_view pattern, StringPattern(c, "a Replace", kDecoder));
      BN_ASSIGN_OR_RETURN(const std::string_view content, JsonText(c, "content", "", kDecoder));
      if (pattern == kSpaceSign && content == " ") return {};
      return Unknown(kDecoder, "a Replace of", pattern, "U+2581 by a space");
    }
    if (type == "Strip") {
      BN_ASSIGN_OR_RETURN(const std::string_view content, JsonText(c, "content", "", kDecoder));
      const JsonValue* start = c.Find("start");
      const JsonValue* stop = c.Find("stop");
      const uint64_t n_start = start != nullptr ? start->uinteger : 0, n_stop = stop != nullptr ? stop->uinteger : 0;
      if (content != " " || n_start > 1 || n_stop != 0) {
        return Unknown(kDecoder, "a Strip of", content, "at most one space at the start");
      }
      strips = n_start == 1;
      return {};
    }
    return Unknown(kDecoder, "a component", type,
                   "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip or Sequence");
  }));
  return strips;
}

}  // namespace bitnet::core
