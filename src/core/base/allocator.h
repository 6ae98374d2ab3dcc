// Where weights, caches and scratch come from: the host may hand in its own allocator.
#ifndef BITNET_CORE_BASE_ALLOCATOR_H_
#define BITNET_CORE_BASE_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/status.h"

namespace bitnet::core {

// `alloc` gives `bytes` bytes at a multiple of `align` (a power of two), or null. Called from any thread.
struct Allocator {
  void* (*alloc)(void* user_data, size_t bytes, size_t align) noexcept;
  void (*free)(void* user_data, void* p, size_t bytes) noexcept;
  void* user_data;
};

// aligned operator new, without exceptions.
const Allocator& DefaultAllocator();

// Owner of one block from an Allocator, aligned to a cache line at least. Not initialised.
class Buffer {
 public:
  static constexpr size_t kAlign = 64;

  Buffer() = default;
  static Result<Buffer> Allocate(const Allocator& allocator, size_t bytes);
  Buffer(Buffer&& other) noexcept { *this = std::move(other); }
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { Reset(); }

  void* data() const { return data_; }
  size_t size() const { return size_; }
  template <typename T>
  T* as() const {
    return static_cast<T*>(data_);
  }
  void Reset() noexcept;

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
  Allocator allocator_{};
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_ALLOCATOR_H_
