// Which device computes which layers of a session, and what each of them holds for it.
#ifndef BITNET_CORE_RUNTIME_STAGES_H_
#define BITNET_CORE_RUNTIME_STAGES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/graph/cpu_ops.h"
#include "core/graph/forward.h"
#include "core/graph/gpu_ops.h"
#include "core/graph/gpu_weights.h"
#include "core/model/model.h"
#include "core/runtime/engine.h"

namespace bitnet::core {

struct StagePlan {
  static constexpr int32_t kCpu = -1;
  int32_t device = kCpu;  // number of a GPU, or kCpu
  GpuPart part;           // layers, embedding, head

  bool operator==(const StagePlan& o) const { return device == o.device && part == o.part; }
};

// Stages in the order of the layers; the first embeds, the last has the head.
struct Plan {
  std::vector<StagePlan> stages;
  bool head_copy = false;       // the GPU of the head has room for the 8-bit copy of it
  std::string fallback_reason;  // why a GPU that was asked for by `auto` computes nothing; "" otherwise
};

// Whether the GPU of the head is to have an 8-bit copy of it: not for the price of a layer on it, or for any.
enum class HeadCopyUse : uint32_t { kNone, kIfItFits, kAlways };

// Splits a model over the engine's devices for caches of n_ctx positions and passes of `chunk` rows, before anything is
// allocated. Refuses with an estimate where memory or the limit is too small (kNoMemory) and where a GPU lacks a
// kernel (kUnsupported); under `auto` both mean the CPU.
Result<Plan> MakePlan(const Engine& engine, const Model& model, uint32_t n_ctx, uint32_t chunk, kernels::Dense kv_type,
                      HeadCopyUse head_copy);

// One device's share of a session. Not movable: ops point into it.
struct Stage {
  static Result<std::unique_ptr<Stage>> Create(const StagePlan& plan, const Engine& engine,
                                               const std::shared_ptr<const Model>& model, uint32_t n_ctx,
                                               uint32_t chunk, kernels::Dense kv_type);

  StagePlan plan;
  std::shared_ptr<GpuContext> gpu;  // null: the CPU
  std::shared_ptr<const GpuWeights> gpu_weights;
  const Weights* weights = nullptr;
  Allocator allocator{};  // of the device
  std::unique_ptr<CpuOps> cpu_ops;
  std::unique_ptr<GpuOps> gpu_ops;
  Ops ops{};
  KvCache cache;  // of its layers
  ForwardScratch scratch;

  bool on_gpu() const { return gpu != nullptr; }
  // Bytes of the device from and to the host's memory, after all that was asked for before.
  Status Read(void* host, const void* device, size_t bytes) const;
  Status Write(void* device, const void* host, size_t bytes) const;
  Status Copy(void* to, const void* from, size_t bytes) const;
  // Until what the device was asked for is done: before another session's device uses it.
  Status Wait() const;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_RUNTIME_STAGES_H_
