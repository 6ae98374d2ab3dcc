// Texts and lists made on request: with (NULL, 0) the needed size, then the content (bitnet.h, TEXT).
#ifndef BITNET_CAPI_TWO_CALL_H_
#define BITNET_CAPI_TWO_CALL_H_

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>

#include "capi/last_error.h"
#include "core/base/text.h"

namespace bitnet::capi {

// Tells the caller the size. Calls write() when there is a buffer and the result fits: never in part.
template <typename Write>
bitnet_status_t TwoCall(size_t size, const void* out, size_t capacity, size_t* needed, Write&& write) {
  if (needed == nullptr) return InvalidArgument("the size to receive is NULL");
  *needed = size;
  if (out == nullptr && capacity == 0) return BITNET_OK;
  if (out == nullptr) return InvalidArgument("the buffer is NULL, but its capacity is not 0");
  if (capacity < size) {
    return Fail(BITNET_E_BUFFER_TOO_SMALL, core::Cat("the buffer holds ", capacity, ", needed are ", size));
  }
  return write();
}

// `needed` counts items.
template <typename T>
bitnet_status_t PutList(std::span<const T> items, T* out, size_t capacity, size_t* needed) {
  return TwoCall(items.size(), out, capacity, needed, [&] {
    if (!items.empty()) std::memcpy(out, items.data(), items.size_bytes());
    return BITNET_OK;
  });
}

// `needed` counts the text and its NUL.
inline bitnet_status_t PutText(std::string_view text, char* out, size_t capacity, size_t* needed) {
  return TwoCall(text.size() + 1, out, capacity, needed, [&] {
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    out[text.size()] = '\0';
    return BITNET_OK;
  });
}

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_TWO_CALL_H_
