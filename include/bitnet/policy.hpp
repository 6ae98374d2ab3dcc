// C++ twin of policy.h.
#pragma once

#include <bitnet/policy.h>
#include <bitnet/file.hpp>
#include <bitnet/result.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace bitnet {
inline namespace v0 {

class Validation {
 public:
  explicit Validation(bitnet_validation_t* raw) noexcept : handle_(raw) {}

  /// Wraps bitnet_validation_info().
  bitnet_validation_info_t info() const noexcept {
    bitnet_validation_info_t info = BITNET_VALIDATION_INFO_INIT;
    bitnet_validation_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_validation_correction(): all of them.
  std::vector<bitnet_correction_t> corrections() const {
    std::vector<bitnet_correction_t> list(static_cast<std::size_t>(info().n_corrections),
                                          bitnet_correction_t(BITNET_CORRECTION_INIT));
    for (std::size_t i = 0; i < list.size(); ++i) bitnet_validation_correction(capi(), i, &list[i]);
    return list;
  }
  /// Wraps bitnet_validation_json().
  Result<std::string> json() const {
    return detail::read_text(
        [&](char* buf, std::size_t cap, std::size_t* n) { return bitnet_validation_json(capi(), buf, cap, n); });
  }

  const bitnet_validation_t* capi() const noexcept { return handle_.get(); }

 private:
  detail::Owner<bitnet_validation_t, bitnet_validation_free> handle_;
};

class Policy {
 public:
  /// Wraps bitnet_policy_parse().
  static Result<Policy> parse(const std::string& text, const std::string& path = {}) {
    bitnet_policy_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_policy_parse(text.data(), text.size(), path.c_str(), &raw)) {
      return Error::last(s);
    }
    return Policy(raw);
  }

  /// Wraps bitnet_policy_info().
  bitnet_policy_info_t info() const noexcept {
    bitnet_policy_info_t info = BITNET_POLICY_INFO_INIT;
    bitnet_policy_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_policy_validate() for a model file whose digest may be known.
  Result<Validation> validate(const File& file, const char* sha256 = nullptr) const {
    bitnet_validation_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_policy_validate(capi(), file.capi(), sha256, &raw)) return Error::last(s);
    return Validation(raw);
  }
  /// Wraps bitnet_policy_validate() without a model.
  Result<Validation> validate() const {
    bitnet_validation_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_policy_validate(capi(), nullptr, nullptr, &raw)) return Error::last(s);
    return Validation(raw);
  }

  const bitnet_policy_t* capi() const noexcept { return handle_.get(); }

 private:
  explicit Policy(bitnet_policy_t* raw) noexcept : handle_(raw) {}
  detail::Owner<bitnet_policy_t, bitnet_policy_free> handle_;
};

}  // namespace v0
}  // namespace bitnet
