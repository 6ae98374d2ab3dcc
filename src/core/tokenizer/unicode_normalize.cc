#include "core/tokenizer/unicode_normalize.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <vector>

#include "core/tokenizer/normalization_tables.h"
#include "core/tokenizer/utf8.h"

namespace bitnet::core {
namespace {

// Below this no character combines with the one before it: text may be cut there.
constexpr uint32_t kFirstCombining = 0x300;

// Hangul syllables are composed by arithmetic (The Unicode Standard, section 3.12).
constexpr uint32_t kHangulS = 0xAC00, kHangulL = 0x1100, kHangulV = 0x1161, kHangulT = 0x11A7;
constexpr uint32_t kNumL = 19, kNumV = 21, kNumT = 28, kNumS = kNumL * kNumV * kNumT;

struct Char {
  uint32_t code_point;
  uint32_t combining_class;
};

uint32_t CombiningClass(uint32_t c) {
  if (c < kFirstCombining) return 0;
  const uint32_t* it = std::lower_bound(std::begin(kCombining), std::end(kCombining), c << 8);
  return it != std::end(kCombining) && *it >> 8 == c ? *it & 0xFF : 0;
}

// Index of `c` in sorted keys, or -1.
ptrdiff_t FindKey(std::span<const uint32_t> keys, uint32_t c) {
  const auto it = std::lower_bound(keys.begin(), keys.end(), c);
  return it != keys.end() && *it == c ? it - keys.begin() : -1;
}

class UnicodeNormalizer {
 public:
  UnicodeNormalizer(UnicodeForm form, std::string& out) : compatible_(form == UnicodeForm::kNfkc), out_(out) {}

  void Add(uint32_t c) {
    if (c < kFirstCombining) Flush();
    if (compatible_) {
      if (const ptrdiff_t i = FindKey(kCompatibleKeys, c); i >= 0) {
        return AddAll(kCompatibleText + kCompatibleAt[i], kCompatibleText + kCompatibleAt[i + 1]);
      }
    }
    if (const ptrdiff_t i = FindKey(kCanonicalKeys, c); i >= 0) {
      return AddAll(kCanonicalText + kCanonicalAt[i], kCanonicalText + kCanonicalAt[i + 1]);
    }
    if (c - kHangulS < kNumS) {
      const uint32_t s = c - kHangulS;
      Append(kHangulL + s / (kNumV * kNumT));
      Append(kHangulV + s / kNumT % kNumV);
      if (s % kNumT != 0) Append(kHangulT + s % kNumT);
      return;
    }
    Append(c);
  }

  // Orders, composes and writes what was added since the last call.
  void Flush() {
    for (auto it = chars_.begin(); it != chars_.end();) {  // marks by class, each run of them on its own
      const auto is_starter = [](const Char& c) { return c.combining_class == 0; };
      const auto begin = std::find_if_not(it, chars_.end(), is_starter);
      it = std::find_if(begin, chars_.end(), is_starter);
      std::stable_sort(begin, it, [](const Char& a, const Char& b) { return a.combining_class < b.combining_class; });
    }
    Compose();
    for (const Char& c : chars_) AppendUtf8(c.code_point, out_);
    chars_.clear();
  }

 private:
  void Append(uint32_t c) { chars_.push_back({c, CombiningClass(c)}); }
  void AddAll(const uint32_t* begin, const uint32_t* end) {
    for (; begin != end; ++begin) Append(*begin);
  }

  // 0: the two do not compose.
  static uint32_t ComposedPair(uint32_t first, uint32_t second) {
    if (first - kHangulL < kNumL && second - kHangulV < kNumV) {
      return kHangulS + ((first - kHangulL) * kNumV + (second - kHangulV)) * kNumT;
    }
    if (first - kHangulS < kNumS && (first - kHangulS) % kNumT == 0 && second - kHangulT - 1 < kNumT - 1) {
      return first + (second - kHangulT);
    }
    const uint64_t pair = uint64_t{first} << 21 | second;
    const uint64_t* it = std::lower_bound(std::begin(kComposedPairs), std::end(kComposedPairs), pair);
    return it != std::end(kComposedPairs) && *it == pair ? kComposed[it - std::begin(kComposedPairs)] : 0;
  }

  void Compose() {
    size_t n = 0;                    // characters kept
    size_t starter = chars_.size();  // place of the last starter; none yet
    uint32_t last_class = 0;         // of the last character kept after it
    for (const Char c : chars_) {
      // Blocked from the starter by a character between of the same or a higher class, or by any other starter.
      const bool adjacent = starter + 1 == n;
      if (starter < n && (adjacent || (last_class < c.combining_class && last_class != 0))) {
        if (const uint32_t composed = ComposedPair(chars_[starter].code_point, c.code_point); composed != 0) {
          chars_[starter].code_point = composed;
          continue;
        }
      }
      if (c.combining_class == 0) starter = n;
      last_class = c.combining_class;
      chars_[n++] = c;
    }
    chars_.resize(n);
  }

  bool compatible_;
  std::string& out_;
  std::vector<Char> chars_;  // decomposed
};

}  // namespace

std::string NormalizeUnicode(std::string_view text, UnicodeForm form) {
  std::string out;
  out.reserve(text.size());
  UnicodeNormalizer normalizer(form, out);
  const auto is_ascii = [&](size_t i) { return static_cast<uint8_t>(text[i]) < 0x80; };
  for (size_t pos = 0; pos < text.size();) {
    size_t end = pos;  // ASCII stays as it is; its last character may compose with what follows
    while (end < text.size() && is_ascii(end)) ++end;
    if (end < text.size() && end > pos) --end;
    if (end > pos) {
      normalizer.Flush();
      out.append(text.substr(pos, end - pos));
      pos = end;
    } else {
      const Utf8Char c = DecodeWellFormed(text, pos);
      normalizer.Add(c.code_point);
      pos += c.length;
    }
  }
  normalizer.Flush();
  return out;
}

}  // namespace bitnet::core
