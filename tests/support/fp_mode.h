// A hostile floating-point mode, as a host may have it: denormals flushed and read as zero, upward rounding.
#ifndef BITNET_TESTS_SUPPORT_FP_MODE_H_
#define BITNET_TESTS_SUPPORT_FP_MODE_H_

#include <cfenv>
#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace bitnet::test {

class HostFpMode {
 public:
  HostFpMode() {
    std::fegetenv(&saved_);
    std::fesetround(FE_UPWARD);
    Write(Read() | kFlush);
  }
  ~HostFpMode() { std::fesetenv(&saved_); }
  HostFpMode(const HostFpMode&) = delete;
  HostFpMode& operator=(const HostFpMode&) = delete;

  bool IsSet() const { return std::fegetround() == FE_UPWARD && (Read() & kFlush) == kFlush; }

 private:
#if defined(__x86_64__)
  static constexpr uint64_t kFlush = 0x8040;  // FTZ and DAZ of MXCSR
  static uint64_t Read() { return _mm_getcsr(); }
  static void Write(uint64_t mode) { _mm_setcsr(static_cast<uint32_t>(mode)); }
#elif defined(__aarch64__)
  static constexpr uint64_t kFlush = uint64_t{1} << 24;  // FZ of FPCR
  static uint64_t Read() {
    uint64_t mode;
    asm volatile("mrs %0, fpcr" : "=r"(mode));
    return mode;
  }
  static void Write(uint64_t mode) { asm volatile("msr fpcr, %0" : : "r"(mode)); }
#endif
  std::fenv_t saved_;
};

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_FP_MODE_H_
