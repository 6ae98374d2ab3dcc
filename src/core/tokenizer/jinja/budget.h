// What one rendering may still spend.
#ifndef BITNET_CORE_TOKENIZER_JINJA_BUDGET_H_
#define BITNET_CORE_TOKENIZER_JINJA_BUDGET_H_

#include <cstdint>

#include "core/base/status.h"
#include "core/tokenizer/jinja/limits.h"

namespace bitnet::core::jinja {

class Budget {
 public:
  Status Spend(uint64_t steps) {
    if (steps > left_) {
      left_ = 0;
      return Status(Code::kLimit, Cat("the template takes more than ", kMaxSteps, " steps"));
    }
    left_ -= steps;
    return {};
  }
  // For a text of `n_bytes` that is about to be made.
  Status SpendBytes(uint64_t n_bytes) {
    if (n_bytes > kMaxTextBytes) return Status(Code::kLimit, Cat("a text grows beyond ", kMaxTextBytes, " bytes"));
    return Spend(n_bytes / kBytesPerStep);
  }
  // For `n` elements that are about to be made.
  Status SpendElements(uint64_t n) { return Spend(n > kMaxSteps ? kMaxSteps + 1 : n * kStepsPerElement); }

 private:
  uint64_t left_ = kMaxSteps;
};

}  // namespace bitnet::core::jinja

#endif  // BITNET_CORE_TOKENIZER_JINJA_BUDGET_H_
