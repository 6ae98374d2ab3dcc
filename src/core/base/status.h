// Expected failures as values. Every failure says what is wrong, where, and what to do, in one lower-case line.
#ifndef BITNET_CORE_BASE_STATUS_H_
#define BITNET_CORE_BASE_STATUS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "core/base/text.h"

namespace bitnet::core {

// Pinned forever: the numbers are those of the C ABI (include/bitnet/status.h). Groups of ten.
enum class Code : int32_t {
  kOk = 0,
  kInvalidArgument = 1,  // a bad value in a call
  kBadState = 2,         // the object cannot do this now
  kBufferTooSmall = 3,   // two-call results of the C ABI
  kNotFound = 10,        // no such file, key or index
  kIo = 11,              // a file that cannot be read or written
  kNoMemory = 12,
  kCancelled = 13,
  kBadFormat = 20,          // a file that breaks its format
  kUnsupported = 21,        // a valid file that this library does not read
  kLimit = 22,              // a count beyond format/limits.h
  kModelMismatch = 23,      // a saved state or receipt of another model
  kNonFinite = 30,          // an infinity or NaN met while computing
  kContextFull = 31,        // more tokens than the context holds
  kTargetUnavailable = 32,  // a CPU target or device that is not available here
  kPolicyInvalid = 40,
  kPolicyNoMatch = 41,
  kPolicyRefused = 42,
  kPolicyPostcondition = 43,
  kReceiptRejected = 50,
  kReplayDiffers = 51,
  kInternal = 90,  // a bug of ours
};

// Static text for a code, "" for an unknown one.
std::string_view CodeName(Code code);

class [[nodiscard]] Status {
 public:
  static constexpr uint64_t kNoOffset = ~uint64_t{0};

  Status() = default;  // ok
  // `what` names the tensor, key or rule, `offset` the byte in the file; both optional.
  Status(Code code, std::string message, std::string what = {}, uint64_t offset = kNoOffset)
      : detail_(std::make_unique<Detail>(Detail{code, std::move(message), std::move(what), offset})) {}
  Status(const Status& other) { *this = other; }
  Status& operator=(const Status& other) {
    if (this != &other) detail_ = other.detail_ ? std::make_unique<Detail>(*other.detail_) : nullptr;
    return *this;
  }
  Status(Status&&) noexcept = default;
  Status& operator=(Status&&) noexcept = default;

  bool ok() const { return detail_ == nullptr; }
  Code code() const { return detail_ ? detail_->code : Code::kOk; }
  std::string_view message() const { return detail_ ? std::string_view(detail_->message) : std::string_view(); }
  std::string_view what() const { return detail_ ? std::string_view(detail_->what) : std::string_view(); }
  uint64_t offset() const { return detail_ ? detail_->offset : kNoOffset; }

 private:
  struct Detail {
    Code code;
    std::string message;
    std::string what;
    uint64_t offset;
  };
  std::unique_ptr<Detail> detail_;
};

// A value or the Status that says why there is none. Shaped to become std::expected one day.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}         // NOLINT: implicit on purpose
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {}  // NOLINT

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return ok() ? OkStatus() : *std::get_if<1>(&state_); }
  T& operator*() & { return *std::get_if<0>(&state_); }
  const T& operator*() const& { return *std::get_if<0>(&state_); }
  T&& operator*() && { return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { return std::get_if<0>(&state_); }
  const T* operator->() const { return std::get_if<0>(&state_); }

 private:
  static const Status& OkStatus() {
    static const Status ok;
    return ok;
  }
  std::variant<T, Status> state_;
};

}  // namespace bitnet::core

#define BN_CONCAT_INNER(a, b) a##b
#define BN_CONCAT(a, b) BN_CONCAT_INNER(a, b)

// BN_RETURN_IF_ERROR(expr): leaves the function with the Status of `expr` unless it is ok.
#define BN_RETURN_IF_ERROR(expr)                                                      \
  do {                                                                                \
    if (::bitnet::core::Status bn_status = (expr); !bn_status.ok()) return bn_status; \
  } while (0)

// BN_ASSIGN_OR_RETURN(T x, expr): x = the value of the Result `expr`, or leaves with its Status.
#define BN_ASSIGN_OR_RETURN(lhs, expr) BN_ASSIGN_OR_RETURN_INNER(BN_CONCAT(bn_result_, __LINE__), lhs, expr)
#define BN_ASSIGN_OR_RETURN_INNER(result, lhs, expr) \
  auto result = (expr);                              \
  if (!result.ok()) return result.status();          \
  lhs = *std::move(result)

// BN_ENSURE(cond): a bug of ours otherwise: traps in debug builds, returns kInternal in release builds.
#ifdef NDEBUG
#define BN_ENSURE(cond)                                                                                      \
  do {                                                                                                       \
    if (!(cond)) return ::bitnet::core::Status(::bitnet::core::Code::kInternal, "broken invariant: " #cond); \
  } while (0)
#else
#define BN_ENSURE(cond)            \
  do {                             \
    if (!(cond)) __builtin_trap(); \
  } while (0)
#endif

#endif  // BITNET_CORE_BASE_STATUS_H_
