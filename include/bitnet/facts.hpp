// C++ twin of facts.h.
#pragma once

#include <bitnet/facts.h>
#include <bitnet/result.hpp>

#include <cstddef>
#include <vector>

namespace bitnet {
inline namespace v0 {

class Facts {
 public:
  explicit Facts(bitnet_facts_t* raw) noexcept : handle_(raw) {}

  /// Wraps bitnet_facts_info().
  bitnet_facts_info_t info() const noexcept {
    bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
    bitnet_facts_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_facts_kernel(): all that ran.
  std::vector<bitnet_kernel_t> kernels() const {
    std::vector<bitnet_kernel_t> list(static_cast<std::size_t>(info().n_kernels), bitnet_kernel_t(BITNET_KERNEL_INIT));
    for (std::size_t i = 0; i < list.size(); ++i) bitnet_facts_kernel(capi(), i, &list[i]);
    return list;
  }

  const bitnet_facts_t* capi() const noexcept { return handle_.get(); }

 private:
  detail::Owner<bitnet_facts_t, bitnet_facts_free> handle_;
};

}  // namespace v0
}  // namespace bitnet
