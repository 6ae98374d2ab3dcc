#include "core/runtime/text_stream.h"

#include <algorithm>
#include <utility>

namespace bitnet::core {

namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

// The length of a well-formed character at the start of `s`, 0 when more bytes are needed to tell, or minus the length
// of the maximal ill-formed subpart (Unicode 14, table 3-7 and section 3.9, "U+FFFD substitution of maximal subparts").
int CharacterLength(std::string_view s) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return 1;
  const int length = lead >= 0xC2 && lead <= 0xDF   ? 2
                     : lead >= 0xE0 && lead <= 0xEF ? 3
                     : lead >= 0xF0 && lead <= 0xF4 ? 4
                                                    : 0;
  if (length == 0) return -1;
  for (int i = 1; i < length; ++i) {
    if (static_cast<size_t>(i) == s.size()) return 0;
    unsigned char low = 0x80, high = 0xBF;
    if (i == 1) {
      if (lead == 0xE0) low = 0xA0;
      if (lead == 0xED) high = 0x9F;
      if (lead == 0xF0) low = 0x90;
      if (lead == 0xF4) high = 0x8F;
    }
    if (byte(static_cast<size_t>(i)) < low || byte(static_cast<size_t>(i)) > high) return -i;
  }
  return length;
}

}  // namespace

void TextStream::Start(std::vector<std::string> stop_strings, size_t expected_bytes) {
  *this = TextStream();
  for (std::string& s : stop_strings) {
    longest_stop_ = std::max(longest_stop_, s.size());
    if (!s.empty()) stops_.push_back(std::move(s));
  }
  text_.reserve(expected_bytes);
  pending_.reserve(256);
}

void TextStream::AppendWholeCharacters(bool at_end) {
  size_t at = 0;
  while (at < pending_.size()) {
    const std::string_view rest = std::string_view(pending_).substr(at);
    const int length = CharacterLength(rest);
    if (length > 0) {
      text_.append(rest.substr(0, static_cast<size_t>(length)));
      at += static_cast<size_t>(length);
    } else if (length < 0) {
      text_.append(kReplacement);
      at += static_cast<size_t>(-length);
    } else if (at_end) {
      text_.append(kReplacement);
      at = pending_.size();
    } else {
      break;
    }
  }
  pending_.erase(0, at);
}

// Ends the text before the earliest complete stop string; else holds back the longest end that may begin one.
bool TextStream::FindStop() {
  size_t found = std::string::npos;
  for (const std::string& s : stops_) found = std::min(found, text_.find(s, certain_));
  if (found != std::string::npos) {
    text_.resize(found);
    certain_ = found;
    return true;
  }
  size_t hold = std::min(longest_stop_ == 0 ? 0 : longest_stop_ - 1, text_.size() - certain_);
  const auto begins_a_stop = [&](std::string_view end) {
    return std::any_of(stops_.begin(), stops_.end(), [&](const std::string& s) { return s.starts_with(end); });
  };
  while (hold > 0 && !begins_a_stop(std::string_view(text_).substr(text_.size() - hold))) --hold;
  certain_ = text_.size() - hold;
  return false;
}

bool TextStream::Push(std::string_view bytes) {
  shown_ = certain_;
  if (stopped_) return true;
  pending_.append(bytes);
  AppendWholeCharacters(false);
  stopped_ = FindStop();
  return stopped_;
}

void TextStream::Finish() {
  if (stopped_) return;
  AppendWholeCharacters(true);
  certain_ = text_.size();
}

}  // namespace bitnet::core
