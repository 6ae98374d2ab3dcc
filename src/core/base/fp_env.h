// The default floating-point environment: round to nearest even, denormals kept, no traps. A host may have set
// another one (flush-to-zero, upward rounding); every entry that computes holds an FpScope, every pool thread too.
#ifndef BITNET_CORE_BASE_FP_ENV_H_
#define BITNET_CORE_BASE_FP_ENV_H_

#include <cfenv>

namespace bitnet::core {

class FpScope {
 public:
  FpScope() {
    std::fegetenv(&saved_);
    std::fesetenv(FE_DFL_ENV);  // resets MXCSR (x86) or FPCR (Arm) with its flush bits
  }
  ~FpScope() { std::fesetenv(&saved_); }
  FpScope(const FpScope&) = delete;
  FpScope& operator=(const FpScope&) = delete;

 private:
  std::fenv_t saved_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_FP_ENV_H_
