// C++ twin of tiny.h.
#pragma once

#include <bitnet/tiny.h>
#include <bitnet/span.hpp>

#include <cstddef>

namespace bitnet {
inline namespace v0 {

/// Wraps bitnet_tiny_model().
inline Span<const std::byte> tiny_model() noexcept {
  std::size_t n_bytes = 0;
  const void* data = bitnet_tiny_model(&n_bytes);
  return {static_cast<const std::byte*>(data), n_bytes};
}

}  // namespace v0
}  // namespace bitnet
