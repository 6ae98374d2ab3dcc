// How far two runs agree: two receipts, two results of the tool (`run --output`), or one of each.
#ifndef BITNET_RECEIPTS_COMPARE_H_
#define BITNET_RECEIPTS_COMPARE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace bitnet::receipts {

// A value that the two documents do not share; "absent" where one has none.
struct Difference {
  std::string field;
  std::string a, b;
};

struct Comparison {
  size_t n_tokens_a = 0, n_tokens_b = 0;  // drawn, also where a receipt leaves them out
  // Equal positions over the longer length, 1 for two empty runs; nothing when a document leaves its tokens out and the
  // digests of the texts, or the numbers of tokens, differ.
  std::optional<double> token_agreement;
  std::optional<size_t> first_difference;  // position of the first unequal token
  // 1 - edit distance / longer length, in Unicode characters; nothing when a text is left out or above 32,768.
  std::optional<double> text_similarity;
  std::optional<bool> same_prompt;  // nothing where the two tell it in different ways
  std::vector<Difference> model, corrections, options;
  // False where a document does not tell, which results of run do not.
  bool corrections_known = false, options_known = false;
};

// kBadFormat, naming `a` or `b`, for a text that is neither kind of document.
core::Result<Comparison> Compare(std::string_view a, std::string_view b);

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_COMPARE_H_
