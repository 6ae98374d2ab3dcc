// Engines whose GPUs are emulated, for tests of whole models.
#ifndef BITNET_TESTS_UNIT_GPU_EMULATED_ENGINE_H_
#define BITNET_TESTS_UNIT_GPU_EMULATED_ENGINE_H_

#include <memory>
#include <string>

#include "core/runtime/session.h"
#include "support/emulated_gpu.h"
#include "support/tiny.h"

namespace bitnet::test {

// With two threads; `log` receives what the engine says, a line each.
inline std::shared_ptr<core::Engine> EngineOn(core::DeviceMode mode, uint64_t limit = 0, std::string* log = nullptr) {
  core::EngineOptions o;
  o.threads = 2;
  o.device = mode;
  o.gpu_memory_limit = limit;
  o.gpu = &bitnet_test::EmulatedTable();
  if (log != nullptr) o.log = [log](core::LogLevel, std::string_view m) { *log += std::string(m) + "\n"; };
  auto engine = core::Engine::Create(o);
  REQUIRE(engine.ok());
  return *engine;
}

inline core::SessionOptions OptionsOf(kernels::Dense kv_type, uint32_t n_ctx, uint32_t chunk = 0) {
  core::SessionOptions o;
  o.kv_type = kv_type;
  o.n_ctx = n_ctx;
  o.chunk = chunk;
  return o;
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_UNIT_GPU_EMULATED_ENGINE_H_
