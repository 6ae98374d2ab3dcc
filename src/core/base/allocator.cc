#include "core/base/allocator.h"

#include <cstdint>
#include <new>

namespace bitnet::core {

namespace {
void* NewAligned(void*, size_t bytes, size_t align) noexcept {
  return ::operator new(bytes, std::align_val_t(align), std::nothrow);
}
void DeleteAligned(void*, void* p, size_t) noexcept { ::operator delete(p, std::align_val_t(Buffer::kAlign)); }
constinit const Allocator kDefault = {&NewAligned, &DeleteAligned, nullptr};
}  // namespace

const Allocator& DefaultAllocator() { return kDefault; }

Result<Buffer> Buffer::Allocate(const Allocator& allocator, size_t bytes) {
  Buffer b;
  b.allocator_ = allocator;
  if (bytes == 0) return b;
  // No object is larger than PTRDIFF_MAX: an allocator that rounds up to kAlign would wrap to a small block beyond it.
  if (bytes <= PTRDIFF_MAX) b.data_ = allocator.alloc(allocator.user_data, bytes, kAlign);
  if (b.data_ == nullptr) return Status(Code::kNoMemory, Cat("out of memory: ", bytes, " bytes were refused"));
  b.size_ = bytes;
  return b;
}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this != &other) {
    Reset();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    allocator_ = other.allocator_;
  }
  return *this;
}

void Buffer::Reset() noexcept {
  if (data_ != nullptr) allocator_.free(allocator_.user_data, data_, size_);
  data_ = nullptr;
  size_ = 0;
}

}  // namespace bitnet::core
