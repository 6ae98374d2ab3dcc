// What holds for every tokenizer that loaded, whatever text it is given.
#ifndef BITNET_TESTS_FUZZ_TOKENIZER_CHECKS_H_
#define BITNET_TESTS_FUZZ_TOKENIZER_CHECKS_H_

#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "core/tokenizer/tokenizer.h"

namespace bitnet::fuzz {

inline void CheckEncodes(const core::Tokenizer& tokenizer, std::string_view text) {
  for (const bool special : {false, true}) {
    std::vector<int32_t> ids;
    tokenizer.Encode(text, {.add_special = special, .parse_special = special}, ids);
    for (const int32_t id : ids) {
      if (id < 0 || static_cast<uint32_t>(id) >= tokenizer.size()) std::abort();
      // Plain text never becomes a control token.
      if (!special && core::IsControl(tokenizer.type(id))) std::abort();
    }
    if (!tokenizer.Decode(ids, special).ok()) std::abort();
  }
  for (const int32_t id : tokenizer.stop_ids()) {
    if (id < 0 || static_cast<uint32_t>(id) >= tokenizer.size()) std::abort();
  }
}

}  // namespace bitnet::fuzz

#endif  // BITNET_TESTS_FUZZ_TOKENIZER_CHECKS_H_
