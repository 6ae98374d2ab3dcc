#include <bitnet/engine.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/structs.h"
#include "capi/targets.h"
#include "kernels/cpu/cpu_info.h"
#include "kernels/cuda/gpu.h"
#include "kernels/kernel_table.h"
#include "kernels/self_test.h"

namespace bitnet::capi {
namespace {

// The host's allocator behind the internal interface, which has C++ types of functions that never throw.
void* HostAlloc(void* state, size_t bytes, size_t align) noexcept {
  const bitnet_allocator_t& host = static_cast<const EngineState*>(state)->allocator;
  return host.alloc(host.user_data, bytes, align);
}
void HostFree(void* state, void* p, size_t bytes) noexcept {
  const bitnet_allocator_t& host = static_cast<const EngineState*>(state)->allocator;
  host.free(host.user_data, p, bytes);
}

bitnet_status_t ReadAllocator(const bitnet_allocator_t* in, bitnet_allocator_t* out) {
  BN_TRY(ReadOptions(in, out));
  if (out->reserved != 0) return InvalidArgument("reserved of bitnet_allocator_t is not 0");
  if ((out->alloc == nullptr) != (out->free == nullptr)) {
    return InvalidArgument("bitnet_allocator_t needs both alloc and free, or neither");
  }
  return BITNET_OK;
}

// Table number `index` of those that are built in, in the order of bitnet_target(): null beyond the last.
const char* TargetName(size_t index, bool* available) {
  size_t n_available = 0;
  const kernels::KernelTable* const* tables = kernels::AvailableTables(&n_available);
  *available = index < n_available;
  if (*available) return tables[index]->name;
  size_t n_built = 0;
  const char* const* names = kernels::BuiltTableNames(&n_built);
  size_t at = n_available;
  for (size_t i = 0; i < n_built; ++i) {
    if (kernels::FindTable(names[i]) == nullptr && at++ == index) return names[i];
  }
  return nullptr;
}

uint64_t MachineMemoryBytes() {
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  return pages > 0 && page_bytes > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page_bytes) : 0;
}

bitnet_status_t ReadDevice(const char* name, core::DeviceMode* out) {
  *out = core::DeviceMode::kCpu;
  if (name == nullptr) return BITNET_OK;
  for (const core::DeviceMode mode :
       {core::DeviceMode::kCpu, core::DeviceMode::kAuto, core::DeviceMode::kCuda, core::DeviceMode::kHybrid}) {
    if (core::DeviceModeName(mode) != name) continue;
    *out = mode;
    return BITNET_OK;
  }
  return Fail(BITNET_E_INVALID_ARGUMENT,
              core::Cat("device ", core::Quoted(name), ": unknown, expected cpu, auto, cuda or hybrid"), "device");
}

// A device with the texts that bitnet_device() hands out.
struct DeviceText {
  bool available = false;
  std::string name, description;
  uint64_t memory_bytes = 0;
};

std::vector<DeviceText> FindDevices() {
  std::vector<DeviceText> list = {{true, "cpu", kernels::CpuFeatures(), MachineMemoryBytes()}};
  const kernels::gpu::GpuTable* const table = kernels::gpu::CudaTable();
  const char* why = "not built in";
  const uint32_t n = table == nullptr ? 0 : table->count(&why);
  if (n == 0) list.push_back({false, "cuda", core::Cat("cuda: ", why), 0});
  for (uint32_t i = 0; i < n; ++i) {
    kernels::gpu::GpuInfo info;
    const kernels::gpu::GpuStatus status = table->info(i, &info);
    const std::string text =
        status.ok() ? core::Cat(info.name, ", compute capability ", info.capability_major, ".", info.capability_minor,
                                ", driver ", info.driver_version / 1000, ".", info.driver_version % 1000 / 10)
                    : std::string(status.message);
    list.push_back({status.ok(), core::Cat("cuda:", i), text, info.memory_bytes});
  }
  return list;
}

// Looked for once: hardware does not change under a process, and asking a driver takes its time.
const std::vector<DeviceText>& Devices() {
  static const std::vector<DeviceText> devices = FindDevices();
  return devices;
}

}  // namespace
}  // namespace bitnet::capi

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;
namespace kernels = bitnet::kernels;

extern "C" {

bitnet_status_t bitnet_engine_create(const bitnet_engine_options_t* options, bitnet_engine_t** out_engine) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (out_engine == nullptr) return InvalidArgument("out_engine is NULL");
    *out_engine = nullptr;
    bitnet_engine_options_t o;
    BN_TRY(ReadOptions(options, &o));
    core::EngineOptions engine_options;
    BN_TRY(ReadDevice(o.device, &engine_options.device));
    engine_options.gpu_memory_limit = o.gpu_memory_limit;
    auto state = std::make_shared<EngineState>();
    BN_TRY(ReadAllocator(o.allocator, &state->allocator));
    state->log = o.log;
    state->log_user_data = o.log_user_data;

    if (o.target != nullptr) engine_options.target = o.target;
    engine_options.threads = o.threads;
    if (state->allocator.alloc != nullptr) engine_options.allocator = {HostAlloc, HostFree, state.get()};
    if (o.log != nullptr) {
      engine_options.log = [s = state.get()](core::LogLevel level, std::string_view message) {
        s->Log(static_cast<bitnet_log_level_t>(level), std::string(message));
      };
    }
    auto engine = core::Engine::Create(std::move(engine_options));
    if (!engine.ok()) return Fail(engine.status());
    state->engine = *std::move(engine);
    *out_engine = new bitnet_engine_t{std::move(state)};
    return BITNET_OK;
  });
}

void bitnet_engine_free(bitnet_engine_t* engine) noexcept { delete engine; }

bitnet_status_t bitnet_engine_info(const bitnet_engine_t* engine, bitnet_engine_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (engine == nullptr) return InvalidArgument("engine is NULL");
    BN_TRY(CheckOut(out_info));
    bitnet_engine_info_t info = BITNET_ENGINE_INFO_INIT;
    info.threads = engine->state->engine->threads();
    info.target = engine->state->engine->table().name;
    const core::Engine& e = *engine->state->engine;
    info.device = core::DeviceModeName(e.gpus().empty() ? core::DeviceMode::kCpu : e.device()).data();
    info.fallback_reason = e.fallback_reason().c_str();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

size_t bitnet_target_count(void) noexcept {
  size_t n = 0;
  bool available = false;
  while (TargetName(n, &available) != nullptr) ++n;
  return n;
}

bitnet_status_t bitnet_target(size_t index, bitnet_target_t* out_target) noexcept {
  return Guard([&]() -> bitnet_status_t {
    BN_TRY(CheckOut(out_target));
    bool available = false;
    bitnet_target_t target = BITNET_TARGET_INIT;
    target.name = TargetName(index, &available);
    if (target.name == nullptr) return Fail(BITNET_E_NOT_FOUND, core::Cat("no target number ", index));
    target.available = available;
    CopyOut(target, out_target);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_target_self_test(const char* target, bitnet_self_test_t* out_result) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    BN_TRY(CheckOut(out_result));
    const kernels::KernelTable* table = nullptr;
    BN_TRY(FindTarget(target, &table));
    const kernels::SelfTestResult r = kernels::SelfTest(*table);
    bitnet_self_test_t result = BITNET_SELF_TEST_INIT;
    result.n_checks = r.n_checks;
    result.n_different = r.n_different;
    result.first_different = r.first_different;
    CopyOut(result, out_result);
    return BITNET_OK;
  });
}

size_t bitnet_device_count(void) noexcept {
  try {  // no Guard: a call without a status leaves the last error alone
    return Devices().size();
  } catch (...) {
    return 0;
  }
}

bitnet_status_t bitnet_device(size_t index, bitnet_device_t* out_device) noexcept {
  return Guard([&]() -> bitnet_status_t {
    BN_TRY(CheckOut(out_device));
    if (index >= Devices().size()) return Fail(BITNET_E_NOT_FOUND, core::Cat("no device number ", index));
    const DeviceText& found = Devices()[index];
    bitnet_device_t device = BITNET_DEVICE_INIT;
    device.available = found.available;
    device.name = found.name.c_str();
    device.description = found.description.c_str();
    device.memory_bytes = found.memory_bytes;
    CopyOut(device, out_device);
    return BITNET_OK;
  });
}

const char* bitnet_build_info(void) noexcept { return kernels::BuildInfo(); }

}  // extern "C"
