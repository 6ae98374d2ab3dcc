#include "core/runtime/engine.h"

#include <algorithm>
#include <utility>

#include "core/base/system_info.h"

namespace bitnet::core {

Result<std::shared_ptr<Engine>> Engine::Create(EngineOptions options) {
  const kernels::KernelTable* table = kernels::FindTable(options.target.c_str());
  if (table == nullptr) {
    size_t n = 0;
    const char* const* names = kernels::BuiltTableNames(&n);
    std::string all;
    for (size_t i = 0; i < n; ++i) {
      if (options.target == names[i]) {
        return Status(Code::kTargetUnavailable, Cat("target ", options.target, ": this cpu cannot run it"), "target");
      }
      all += Cat(i == 0 ? "" : ", ", names[i]);
    }
    return Status(Code::kInvalidArgument, Cat("target ", Quoted(options.target), ": unknown, expected one of ", all),
                  "target");
  }
  std::shared_ptr<Engine> engine(new Engine);
  engine->table_ = table;
  BN_ASSIGN_OR_RETURN(engine->pool_, ThreadPool::Create(options.threads == 0 ? UsableCores() : options.threads));
  engine->options_ = std::move(options);
  BN_RETURN_IF_ERROR(engine->FindGpus());
  return engine;
}

std::string_view DeviceModeName(DeviceMode mode) {
  switch (mode) {
    case DeviceMode::kCpu: return "cpu";
    case DeviceMode::kAuto: return "auto";
    case DeviceMode::kCuda: return "cuda";
    case DeviceMode::kHybrid: return "hybrid";
  }
  return "";
}

// What a GPU's memory is kept free of for the driver and the rounding of allocations.
constexpr uint64_t kReserveBytes = uint64_t{256} << 20;

Status Engine::FindGpus() {
  if (options_.device == DeviceMode::kCpu) return {};
  const kernels::gpu::GpuTable* const table = options_.gpu;
  const char* why = "";
  const uint32_t n = table == nullptr ? 0 : table->count(&why);
  std::string reason;
  if (table == nullptr) reason = "cuda: not built in";
  if (table != nullptr && n == 0) reason = Cat("cuda: ", why);
  for (uint32_t i = 0; i < n; ++i) {
    kernels::gpu::GpuInfo info;
    const kernels::gpu::GpuStatus status = table->info(i, &info);
    if (!status.ok()) {
      reason = status.message;
      break;  // numbers stand for places in the list: those before it can be used
    }
    gpus_.push_back(info);
  }
  if (!gpus_.empty()) return {};
  if (options_.device != DeviceMode::kAuto) {
    return Status(Code::kTargetUnavailable,
                  Cat("device ", DeviceModeName(options_.device), " is not here: ", reason,
                      "; use device cpu, or auto to take what there is"),
                  "device");
  }
  fallback_reason_ = reason;
  Log(LogLevel::kWarning, Cat("device auto: computing on the cpu, since ", reason));
  return {};
}

Result<std::vector<uint64_t>> Engine::GpuRoom() const {
  std::vector<uint64_t> room;
  for (uint32_t i = 0; i < gpus_.size(); ++i) {
    kernels::gpu::GpuInfo info;
    BN_RETURN_IF_ERROR(StatusOfGpu(options_.gpu->info(i, &info)));
    const uint64_t free = info.free_bytes > kReserveBytes ? info.free_bytes - kReserveBytes : 0;
    room.push_back(options_.gpu_memory_limit != 0 ? std::min(free, options_.gpu_memory_limit) : free);
  }
  return room;
}

Result<std::shared_ptr<const GpuWeights>> Engine::WeightsOnGpu(uint32_t gpu, const std::shared_ptr<const Model>& model,
                                                               const GpuPart& part) const {
  const std::lock_guard<std::mutex> lock(uploaded_mutex_);
  for (size_t i = 0; i < uploaded_.size();) {
    const std::shared_ptr<const GpuWeights> weights = uploaded_[i].weights.lock();
    if (weights == nullptr) {
      uploaded_.erase(uploaded_.begin() + static_cast<ptrdiff_t>(i));
      continue;
    }
    if (uploaded_[i].gpu == gpu && uploaded_[i].model.lock() == model && weights->part() == part) return weights;
    ++i;
  }
  BN_ASSIGN_OR_RETURN(std::shared_ptr<GpuContext> context, GpuContext::Open(*options_.gpu, gpu));
  BN_ASSIGN_OR_RETURN(std::shared_ptr<const GpuWeights> weights,
                      GpuWeights::Upload(model->hparams(), model->weights(), part, std::move(context)));
  uploaded_.push_back({gpu, model, weights});
  return weights;
}

}  // namespace bitnet::core
