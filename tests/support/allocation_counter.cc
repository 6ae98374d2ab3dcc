#include "support/allocation_counter.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace bitnet::test {

namespace {

std::atomic<size_t> live{0};
std::atomic<size_t> peak{0};

void* Counted(void* p) noexcept {
  if (p == nullptr) return p;
  const size_t now = live.fetch_add(malloc_usable_size(p)) + malloc_usable_size(p);
  size_t before = peak.load();
  while (now > before && !peak.compare_exchange_weak(before, now)) {
  }
  return p;
}

void Release(void* p) noexcept {
  if (p != nullptr) live.fetch_sub(malloc_usable_size(p));
  std::free(p);
}

void* New(size_t n) {
  void* p = Counted(std::malloc(n == 0 ? 1 : n));
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

void* NewAligned(size_t n, size_t align) noexcept {
  void* p = nullptr;
  return ::posix_memalign(&p, align < sizeof(void*) ? sizeof(void*) : align, n == 0 ? 1 : n) == 0 ? Counted(p)
                                                                                                  : nullptr;
}

}  // namespace

size_t LiveBytes() { return live.load(); }
size_t PeakBytes() { return peak.load(); }
void ResetPeak() { peak.store(live.load()); }

}  // namespace bitnet::test

void* operator new(size_t n) { return bitnet::test::New(n); }
void* operator new[](size_t n) { return bitnet::test::New(n); }
void* operator new(size_t n, const std::nothrow_t&) noexcept {
  return bitnet::test::Counted(std::malloc(n == 0 ? 1 : n));
}
void* operator new[](size_t n, const std::nothrow_t& tag) noexcept { return ::operator new(n, tag); }
void* operator new(size_t n, std::align_val_t align) {
  void* p = bitnet::test::NewAligned(n, static_cast<size_t>(align));
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
void* operator new(size_t n, std::align_val_t align, const std::nothrow_t&) noexcept {
  return bitnet::test::NewAligned(n, static_cast<size_t>(align));
}
void* operator new[](size_t n, std::align_val_t align) { return ::operator new(n, align); }
void* operator new[](size_t n, std::align_val_t align, const std::nothrow_t& tag) noexcept {
  return ::operator new(n, align, tag);
}
void operator delete(void* p) noexcept { bitnet::test::Release(p); }
void operator delete[](void* p) noexcept { bitnet::test::Release(p); }
void operator delete(void* p, size_t) noexcept { bitnet::test::Release(p); }
void operator delete[](void* p, size_t) noexcept { bitnet::test::Release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { bitnet::test::Release(p); }
void operator delete(void* p, std::align_val_t) noexcept { bitnet::test::Release(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { bitnet::test::Release(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { bitnet::test::Release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { bitnet::test::Release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { bitnet::test::Release(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { bitnet::test::Release(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { bitnet::test::Release(p); }
