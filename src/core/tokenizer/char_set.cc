#include "core/tokenizer/char_set.h"

#include <algorithm>
#include <iterator>

#include "core/tokenizer/category_ranges.h"

namespace bitnet::core {

CharSet CharSet::Category(std::string_view name) {
  CharSet out;
  if (name.empty() || name.size() > 2) return out;
  for (size_t i = 0; i < std::size(kCategoryRanges); ++i) {
    const std::string_view category(kCategoryNames + 2 * (kCategoryRanges[i] & 0xFF), 2);
    if (!category.starts_with(name)) continue;
    const uint32_t first = kCategoryRanges[i] >> 8;
    const uint32_t last = i + 1 < std::size(kCategoryRanges) ? (kCategoryRanges[i + 1] >> 8) - 1 : kMaxCodePoint;
    if (!out.ranges_.empty() && out.ranges_.back().last + 1 == first) {
      out.ranges_.back().last = last;
    } else {
      out.ranges_.push_back({first, last});
    }
  }
  return out;
}

CharSet CharSet::Spaces() {
  CharSet out = Category("Z");
  out.Add({0x09, 0x0D});
  out.Add({0x85, 0x85});
  return out;
}

void CharSet::Add(const CharSet& other) {
  std::vector<Range> all;
  std::merge(ranges_.begin(), ranges_.end(), other.ranges_.begin(), other.ranges_.end(), std::back_inserter(all),
             [](const Range& a, const Range& b) { return a.first < b.first; });
  ranges_.clear();
  for (const Range& r : all) {
    if (!ranges_.empty() && r.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, r.last);
    } else {
      ranges_.push_back(r);
    }
  }
}

CharSet CharSet::Complement() const {
  CharSet out;
  uint32_t next = 0;
  for (const Range& r : ranges_) {
    if (r.first > next) out.ranges_.push_back({next, r.first - 1});
    next = r.last + 1;
  }
  if (next <= kMaxCodePoint) out.ranges_.push_back({next, kMaxCodePoint});
  return out;
}

bool CharSet::Has(uint32_t code_point) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), code_point,
                                      [](uint32_t c, const Range& r) { return c < r.first; });
  return after != ranges_.begin() && std::prev(after)->last >= code_point;
}

}  // namespace bitnet::core
