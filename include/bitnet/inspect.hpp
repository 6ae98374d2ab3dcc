// C++ twin of inspect.h.
#pragma once

#include <bitnet/inspect.h>
#include <bitnet/file.hpp>
#include <bitnet/result.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace bitnet {
inline namespace v0 {

/// bitnet_inspect_options_t at its defaults.
struct InspectOptions : bitnet_inspect_options_t {
  InspectOptions() noexcept : bitnet_inspect_options_t(BITNET_INSPECT_OPTIONS_INIT) {}
};

class Inspection {
 public:
  /// Wraps bitnet_inspect().
  static Result<Inspection> of(const File& file, const InspectOptions& options = {}) {
    bitnet_inspection_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_inspect(file.capi(), &options, &raw)) return Error::last(s);
    return Inspection(raw);
  }

  /// Wraps bitnet_inspection_info().
  bitnet_inspection_info_t info() const noexcept {
    bitnet_inspection_info_t info = BITNET_INSPECTION_INFO_INIT;
    bitnet_inspection_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_inspection_tensor(): all of them.
  std::vector<bitnet_tensor_report_t> tensors() const {
    std::vector<bitnet_tensor_report_t> list(static_cast<std::size_t>(info().n_tensors),
                                             bitnet_tensor_report_t(BITNET_TENSOR_REPORT_INIT));
    for (std::size_t i = 0; i < list.size(); ++i) bitnet_inspection_tensor(capi(), i, &list[i]);
    return list;
  }
  /// Wraps bitnet_inspection_policy().
  Result<std::string> policy() const {
    return detail::read_text(
        [&](char* buf, std::size_t cap, std::size_t* n) { return bitnet_inspection_policy(capi(), buf, cap, n); });
  }
  /// Wraps bitnet_inspection_json().
  Result<std::string> json() const {
    return detail::read_text(
        [&](char* buf, std::size_t cap, std::size_t* n) { return bitnet_inspection_json(capi(), buf, cap, n); });
  }

  const bitnet_inspection_t* capi() const noexcept { return handle_.get(); }

 private:
  explicit Inspection(bitnet_inspection_t* raw) noexcept : handle_(raw) {}
  detail::Owner<bitnet_inspection_t, bitnet_inspection_free> handle_;
};

}  // namespace v0
}  // namespace bitnet
