// Which texts of a sorted list stand at the start of another text.
#ifndef BITNET_CORE_TOKENIZER_PREFIX_SEARCH_H_
#define BITNET_CORE_TOKENIZER_PREFIX_SEARCH_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace bitnet::core {

// Calls fn(k) for each k below `n` such that text_of(k) stands at the start of `text`, shorter ones first. The texts
// are in ascending order (bytes as unsigned numbers), each once.
template <typename TextOf, typename F>
void ForEachPrefix(size_t n, TextOf&& text_of, std::string_view text, F&& fn) {
  // Those that begin with the first `length` bytes of `text` are a range; one that ends there is its first.
  size_t begin = 0, end = n;
  for (size_t length = 0; begin < end; ++length) {
    if (text_of(begin).size() == length) fn(begin++);
    if (length == text.size()) return;
    const auto byte = static_cast<uint8_t>(text[length]);
    // The first place in [begin, end) whose byte is at least, or with `above` greater than, that of the text.
    const auto bound = [&](bool above) {
      size_t low = begin, high = end;
      while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const auto b = static_cast<uint8_t>(text_of(middle)[length]);
        if (b < byte || (above && b == byte)) {
          low = middle + 1;
        } else {
          high = middle;
        }
      }
      return low;
    };
    begin = bound(false);
    end = bound(true);
  }
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_PREFIX_SEARCH_H_
