// Sets of code points, for the classes of regular expressions.
#ifndef BITNET_CORE_TOKENIZER_CHAR_SET_H_
#define BITNET_CORE_TOKENIZER_CHAR_SET_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace bitnet::core {

inline constexpr uint32_t kMaxCodePoint = 0x10FFFF;

class CharSet {
 public:
  struct Range {  // both ends are in the set
    uint32_t first, last;
    friend bool operator==(const Range&, const Range&) = default;
  };

  // The code points of a general category of Unicode 14.0.0 ("Lu"), or of those that begin with a letter ("L"). Empty:
  // there is no such category.
  static CharSet Category(std::string_view name);
  // \s: the 25 characters of the property White_Space.
  static CharSet Spaces();

  CharSet() = default;
  CharSet(uint32_t first, uint32_t last) : ranges_{{first, last}} {}

  void Add(const CharSet& other);
  CharSet Complement() const;
  bool Has(uint32_t code_point) const;
  const std::vector<Range>& ranges() const { return ranges_; }  // in order; a gap lies between any two
  friend bool operator==(const CharSet&, const CharSet&) = default;

 private:
  std::vector<Range> ranges_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_CHAR_SET_H_
