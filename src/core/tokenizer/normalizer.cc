#include "core/tokenizer/normalizer.h"

#include "core/tokenizer/unicode_normalize.h"

namespace bitnet::core {
namespace {

std::string Replaced(std::string_view text, std::string_view pattern, std::string_view content) {
  std::string out;
  out.reserve(text.size());
  for (size_t at; (at = text.find(pattern)) != std::string_view::npos;) {
    out.append(text.substr(0, at)).append(content);
    text.remove_prefix(at + pattern.size());
  }
  return out.append(text);
}

}  // namespace

std::string Normalize(std::span<const NormalizerStep> steps, std::string_view text, bool at_start) {
  std::string out(text);
  for (const NormalizerStep& step : steps) {
    switch (step.kind) {
      case NormalizerStep::kNfc: out = NormalizeUnicode(out, UnicodeForm::kNfc); break;
      case NormalizerStep::kNfkc: out = NormalizeUnicode(out, UnicodeForm::kNfkc); break;
      case NormalizerStep::kPrepend:
        if (at_start && !out.empty()) out.insert(0, step.content);
        break;
      case NormalizerStep::kReplace: out = Replaced(out, step.pattern, step.content); break;
    }
  }
  return out;
}

}  // namespace bitnet::core
