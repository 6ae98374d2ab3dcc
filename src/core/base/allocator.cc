#include "core/base/allocator.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace bitnet::core {

namespace {
// Blocks of several huge pages (caches, repacked weights) ask for them: fewer page faults and TLB misses. A hint only.
void AskForHugePages(void* p, size_t bytes) {
  constexpr uintptr_t kHugePage = uintptr_t{2} << 20;
  const uintptr_t begin = (reinterpret_cast<uintptr_t>(p) + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(p) + bytes) / kHugePage * kHugePage;
  if (begin + 2 * kHugePage <= end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

void* NewAligned(void*, size_t bytes, size_t align) noexcept {
  void* p = ::operator new(bytes, std::align_val_t(align), std::nothrow);
  if (p != nullptr) AskForHugePages(p, bytes);
  return p;
}
void DeleteAligned(void*, void* p, size_t) noexcept { ::operator delete(p, std::align_val_t(Buffer::kAlign)); }
constinit const Allocator kDefault = {&NewAligned, &DeleteAligned, nullptr};
}  // namespace

const Allocator& DefaultAllocator() { return kDefault; }

Result<Buffer> Buffer::Allocate(const Allocator& allocator, size_t bytes) {
  Buffer b;
  b.allocator_ = allocator;
  if (bytes == 0) return b;
  b.data_ = allocator.alloc(allocator.user_data, bytes, kAlign);
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
