// Collecting reasons, and the checks that are independent of kernels and models.
#ifndef BITNET_RECEIPTS_CHECKS_H_
#define BITNET_RECEIPTS_CHECKS_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"
#include "receipts/reader.h"
#include "receipts/record.h"

namespace bitnet::receipts {

class Checks {
 public:
  explicit Checks(std::vector<Problem> problems) : problems_(std::move(problems)) {}

  // Records the message under `field` when `holds` is false.
  template <typename... Args>
  void Expect(bool holds, std::string_view field, const Args&... message) {
    if (!holds && problems_.size() < kMaxProblems) problems_.push_back({std::string(field), core::Cat(message...)});
  }
  const std::vector<Problem>& problems() const { return problems_; }
  std::vector<Problem> Take() { return std::move(problems_); }

 private:
  std::vector<Problem> problems_;
};

bool IsHex64(std::string_view text);      // 64 lower-case hex digits
bool IsTimestamp(std::string_view text);  // RFC 3339 with the zone Z and a day that exists

// Options that no session takes.
void CheckOptions(const Options& options, Checks& checks);
// Tokens, texts, options and times against each other.
void CheckInference(const Receipt& receipt, Checks& checks);

}  // namespace bitnet::receipts

#endif  // BITNET_RECEIPTS_CHECKS_H_
