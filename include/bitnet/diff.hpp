// C++ twin of diff.h.
#pragma once

#include <bitnet/diff.h>
#include <bitnet/result.hpp>

#include <cstddef>
#include <string>
#include <vector>

namespace bitnet {
inline namespace v0 {

/// bitnet_diff_options_t at its defaults.
struct DiffOptions : bitnet_diff_options_t {
  DiffOptions() noexcept : bitnet_diff_options_t(BITNET_DIFF_OPTIONS_INIT) {}
};

class Diff {
 public:
  /// Wraps bitnet_diff().
  static Result<Diff> of(const std::string& path_a, const std::string& path_b, const DiffOptions& options = {}) {
    bitnet_diff_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_diff(path_a.c_str(), path_b.c_str(), &options, &raw)) return Error::last(s);
    return Diff(raw);
  }

  /// Wraps bitnet_diff_info().
  bitnet_diff_info_t info() const noexcept {
    bitnet_diff_info_t info = BITNET_DIFF_INFO_INIT;
    bitnet_diff_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_diff_tensor(): all of them.
  std::vector<bitnet_tensor_diff_t> tensors() const {
    std::vector<bitnet_tensor_diff_t> list(static_cast<std::size_t>(info().n_tensors),
                                           bitnet_tensor_diff_t(BITNET_TENSOR_DIFF_INIT));
    for (std::size_t i = 0; i < list.size(); ++i) bitnet_diff_tensor(capi(), i, &list[i]);
    return list;
  }
  /// Wraps bitnet_diff_metadata(): all that differ.
  std::vector<bitnet_metadata_diff_t> metadata() const {
    std::vector<bitnet_metadata_diff_t> list(static_cast<std::size_t>(info().n_metadata_different),
                                             bitnet_metadata_diff_t(BITNET_METADATA_DIFF_INIT));
    for (std::size_t i = 0; i < list.size(); ++i) bitnet_diff_metadata(capi(), i, &list[i]);
    return list;
  }
  /// Wraps bitnet_diff_metadata(): the notes, which are no differences of the models.
  std::vector<bitnet_metadata_diff_t> notes() const {
    const bitnet_diff_info_t i = info();
    std::vector<bitnet_metadata_diff_t> list(static_cast<std::size_t>(i.n_notes),
                                             bitnet_metadata_diff_t(BITNET_METADATA_DIFF_INIT));
    for (std::size_t n = 0; n < list.size(); ++n) {
      bitnet_diff_metadata(capi(), static_cast<std::size_t>(i.n_metadata_different) + n, &list[n]);
    }
    return list;
  }
  /// Wraps bitnet_diff_json().
  Result<std::string> json() const {
    return detail::read_text(
        [&](char* buf, std::size_t cap, std::size_t* n) { return bitnet_diff_json(capi(), buf, cap, n); });
  }

  const bitnet_diff_t* capi() const noexcept { return handle_.get(); }

 private:
  explicit Diff(bitnet_diff_t* raw) noexcept : handle_(raw) {}
  detail::Owner<bitnet_diff_t, bitnet_diff_free> handle_;
};

}  // namespace v0
}  // namespace bitnet
