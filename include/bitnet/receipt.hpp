// C++ twin of receipt.h.
#pragma once

#include <bitnet/receipt.h>
#include <bitnet/model.hpp>
#include <bitnet/result.hpp>
#include <bitnet/session.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace bitnet {
inline namespace v0 {

/// bitnet_receipt_options_t at its defaults.
struct ReceiptOptions : bitnet_receipt_options_t {
  ReceiptOptions() noexcept : bitnet_receipt_options_t(BITNET_RECEIPT_OPTIONS_INIT) {}
};

/// bitnet_verify_options_t at its defaults.
struct VerifyOptions : bitnet_verify_options_t {
  VerifyOptions() noexcept : bitnet_verify_options_t(BITNET_VERIFY_OPTIONS_INIT) {}
};

/// Wraps bitnet_receipt_create() and bitnet_receipt_text().
inline Result<std::string> receipt(const Session& session, const ReceiptOptions& options = {}) {
  bitnet_receipt_t* raw = nullptr;
  if (const bitnet_status_t s = bitnet_receipt_create(session.capi(), &options, &raw)) return Error::last(s);
  const detail::Owner<bitnet_receipt_t, bitnet_receipt_free> owner(raw);
  std::size_t n = 0;
  const char* text = bitnet_receipt_text(raw, &n);
  return std::string(text, n);
}

class Verification {
 public:
  /// Wraps bitnet_receipt_verify().
  static Result<Verification> verify(const std::string& text, const VerifyOptions& options = {}) {
    bitnet_verification_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_receipt_verify(text.data(), text.size(), &options, &raw)) {
      return Error::last(s);
    }
    return Verification(raw);
  }
  /// Wraps bitnet_receipt_replay().
  static Result<Verification> replay(const std::string& text, const Model& model) {
    bitnet_verification_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_receipt_replay(text.data(), text.size(), model.capi(), &raw)) {
      return Error::last(s);
    }
    return Verification(raw);
  }

  /// Wraps bitnet_verification_info().
  bitnet_verification_info_t info() const noexcept {
    bitnet_verification_info_t info = BITNET_VERIFICATION_INFO_INIT;
    bitnet_verification_info(capi(), &info);
    return info;
  }
  bool accepted() const noexcept { return info().accepted != 0; }
  /// Wraps bitnet_verification_problem(): all of them.
  std::vector<bitnet_problem_t> problems() const {
    std::vector<bitnet_problem_t> list(static_cast<std::size_t>(info().n_problems),
                                       bitnet_problem_t(BITNET_PROBLEM_INIT));
    for (std::size_t i = 0; i < list.size(); ++i) bitnet_verification_problem(capi(), i, &list[i]);
    return list;
  }
  /// Wraps bitnet_verification_json().
  Result<std::string> json() const {
    return detail::read_text(
        [&](char* buf, std::size_t cap, std::size_t* n) { return bitnet_verification_json(capi(), buf, cap, n); });
  }

  const bitnet_verification_t* capi() const noexcept { return handle_.get(); }

 private:
  explicit Verification(bitnet_verification_t* raw) noexcept : handle_(raw) {}
  detail::Owner<bitnet_verification_t, bitnet_verification_free> handle_;
};

/// Wraps bitnet_compare_runs(); `json` receives the whole result when it is not NULL.
inline Result<bitnet_comparison_t> compare_runs(const std::string& a, const std::string& b,
                                                std::string* json = nullptr) {
  bitnet_comparison_t result = BITNET_COMPARISON_INIT;
  const auto call = [&](char* buf, std::size_t cap, std::size_t* n) {
    return bitnet_compare_runs(a.data(), a.size(), b.data(), b.size(), &result, buf, cap, n);
  };
  if (json == nullptr) {
    if (const bitnet_status_t s = call(nullptr, 0, nullptr)) return Error::last(s);
    return result;
  }
  Result<std::string> text = detail::read_text(call);
  if (!text) return text.error();
  *json = *std::move(text);
  return result;
}

}  // namespace v0
}  // namespace bitnet
