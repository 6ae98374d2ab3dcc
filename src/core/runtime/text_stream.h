// The text of a generation as it grows: whole characters only, stop strings found even across tokens.
#ifndef BITNET_CORE_RUNTIME_TEXT_STREAM_H_
#define BITNET_CORE_RUNTIME_TEXT_STREAM_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace bitnet::core {

class TextStream {
 public:
  // Empty stop strings are ignored. Reserves `expected_bytes`, so that pushing allocates nothing up to there.
  void Start(std::vector<std::string> stop_strings, size_t expected_bytes);
  // Adds the bytes of one token. True when a stop string is complete: the text then ends before it.
  bool Push(std::string_view bytes);
  // No more bytes come: an unfinished character becomes U+FFFD, held-back text is released.
  void Finish();

  // All text that is certain: ill-formed bytes as U+FFFD, without what may yet become a stop string.
  std::string_view text() const { return std::string_view(text_).substr(0, certain_); }
  // The part of text() that was not there before the last Push or Finish.
  std::string_view fresh() const { return text().substr(shown_); }

 private:
  void AppendWholeCharacters(bool at_end);
  bool FindStop();

  std::vector<std::string> stops_;
  size_t longest_stop_ = 0;
  std::string pending_;  // bytes of an unfinished character
  std::string text_;     // well-formed; may end in the beginning of a stop string
  size_t certain_ = 0;   // bytes of text_ that no stop string can take back
  size_t shown_ = 0;
  bool stopped_ = false;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_TEXT_STREAM_H_
