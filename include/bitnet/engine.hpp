// C++ twin of engine.h and version.h.
#pragma once

#include <bitnet/engine.h>
#include <bitnet/version.h>
#include <bitnet/result.hpp>

#include <vector>

namespace bitnet {
inline namespace v0 {

/// bitnet_engine_options_t at its defaults.
struct EngineOptions : bitnet_engine_options_t {
  EngineOptions() noexcept : bitnet_engine_options_t(BITNET_ENGINE_OPTIONS_INIT) {}
};

class Engine {
 public:
  /// Wraps bitnet_engine_create().
  static Result<Engine> create(const EngineOptions& options = {}) {
    bitnet_engine_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_engine_create(&options, &raw)) return Error::last(s);
    return Engine(raw);
  }
  /// Wraps bitnet_engine_info().
  bitnet_engine_info_t info() const noexcept {
    bitnet_engine_info_t info = BITNET_ENGINE_INFO_INIT;
    bitnet_engine_info(capi(), &info);
    return info;
  }

  const bitnet_engine_t* capi() const noexcept { return handle_.get(); }

 private:
  explicit Engine(bitnet_engine_t* raw) noexcept : handle_(raw) {}
  detail::Owner<bitnet_engine_t, bitnet_engine_free> handle_;
};

/// Wraps bitnet_target(): all of them, those that this CPU runs first.
inline std::vector<bitnet_target_t> targets() {
  std::vector<bitnet_target_t> list(bitnet_target_count(), bitnet_target_t(BITNET_TARGET_INIT));
  for (std::size_t i = 0; i < list.size(); ++i) bitnet_target(i, &list[i]);
  return list;
}

/// Wraps bitnet_device(): all of them.
inline std::vector<bitnet_device_t> devices() {
  std::vector<bitnet_device_t> list(bitnet_device_count(), bitnet_device_t(BITNET_DEVICE_INIT));
  for (std::size_t i = 0; i < list.size(); ++i) bitnet_device(i, &list[i]);
  return list;
}

/// Wraps bitnet_target_self_test().
inline Result<bitnet_self_test_t> self_test(const char* target) {
  bitnet_self_test_t result = BITNET_SELF_TEST_INIT;
  if (const bitnet_status_t s = bitnet_target_self_test(target, &result)) return Error::last(s);
  return result;
}

}  // namespace v0
}  // namespace bitnet
