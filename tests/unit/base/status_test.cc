#include "core/base/status.h"

#include "support/catch.h"

namespace bitnet::core {
namespace {

Status Refuse(bool refuse) { return refuse ? Status(Code::kLimit, "too many", "count", 7) : Status(); }

Result<int> Half(int n) {
  if (n % 2 != 0) return Status(Code::kInvalidArgument, "an odd number");
  return n / 2;
}

Status Through(bool refuse) {
  BN_RETURN_IF_ERROR(Refuse(refuse));
  return Status(Code::kInternal, "reached");
}

Result<int> Quarter(int n) {
  BN_ASSIGN_OR_RETURN(const int half, Half(n));
  return Half(half);
}

TEST_CASE("a status is ok or says what, where and why", "[base]") {
  CHECK(Status().ok());
  CHECK(Status().code() == Code::kOk);
  CHECK(Status().message().empty());
  CHECK(Status().offset() == Status::kNoOffset);
  const Status bad = Refuse(true);
  CHECK_FALSE(bad.ok());
  CHECK(bad.code() == Code::kLimit);
  CHECK(bad.message() == "too many");
  CHECK(bad.what() == "count");
  CHECK(bad.offset() == 7);
}

TEST_CASE("a copied status is whole and apart", "[base]") {
  const Status first = Refuse(true);
  Status second = first;
  second = Status();
  CHECK(second.ok());
  CHECK(first.message() == "too many");
}

TEST_CASE("a result holds a value or a status", "[base]") {
  const Result<int> good = Half(8);
  REQUIRE(good.ok());
  CHECK(*good == 4);
  CHECK(good.status().ok());
  const Result<int> bad = Half(7);
  CHECK_FALSE(bad.ok());
  CHECK(bad.status().code() == Code::kInvalidArgument);
}

TEST_CASE("the macros leave with the first error", "[base]") {
  CHECK(Through(true).code() == Code::kLimit);
  CHECK(Through(false).code() == Code::kInternal);
  CHECK(*Quarter(12) == 3);
  CHECK_FALSE(Quarter(6).ok());
}

TEST_CASE("every code has a name and its number is pinned", "[base]") {
  const std::pair<Code, int> pinned[] = {{Code::kOk, 0},
                                         {Code::kInvalidArgument, 1},
                                         {Code::kBadState, 2},
                                         {Code::kNotFound, 10},
                                         {Code::kIo, 11},
                                         {Code::kNoMemory, 12},
                                         {Code::kCancelled, 13},
                                         {Code::kBadFormat, 20},
                                         {Code::kUnsupported, 21},
                                         {Code::kLimit, 22},
                                         {Code::kModelMismatch, 23},
                                         {Code::kNonFinite, 30},
                                         {Code::kContextFull, 31},
                                         {Code::kTargetUnavailable, 32},
                                         {Code::kPolicyInvalid, 40},
                                         {Code::kPolicyNoMatch, 41},
                                         {Code::kPolicyRefused, 42},
                                         {Code::kPolicyPostcondition, 43},
                                         {Code::kReceiptRejected, 50},
                                         {Code::kReplayDiffers, 51},
                                         {Code::kInternal, 90}};
  for (const auto& [code, number] : pinned) {
    CHECK(static_cast<int>(code) == number);
    CHECK_FALSE(CodeName(code).empty());
  }
  CHECK(CodeName(static_cast<Code>(7)).empty());
}

}  // namespace
}  // namespace bitnet::core
