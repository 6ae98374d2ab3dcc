#include "core/runtime/stages.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace bitnet::core {

namespace {

HParams WithLayers(const HParams& h, uint32_t n_layers) {
  HParams out = h;
  out.n_layers = n_layers;
  return out;
}

// What a device must hold for a share of a model.
class Costs {
 public:
  // With the copy of the head if `head_copy`.
  Costs(const Model& model, uint32_t n_ctx, uint32_t chunk, kernels::Dense kv_type, bool head_copy)
      : h_(model.hparams()),
        w_(model.weights()),
        n_ctx_(n_ctx),
        chunk_(chunk),
        kv_type_(kv_type),
        head_copy_bytes_(head_copy ? HeadCopyBytes() : 0) {}

  uint64_t Of(const GpuPart& part) const {
    const uint32_t n = part.layers.end - part.layers.begin;
    return GpuWeights::Bytes(h_, w_, part) + KvCache::Bytes(WithLayers(h_, n), n_ctx_, kv_type_) +
           ForwardScratch::Bytes(h_, chunk_) + GpuOps::Bytes(GpuOps::SizesFor(h_, chunk_, n_ctx_)) +
           (part.head ? head_copy_bytes_ : 0) +
           (part.head ? uint64_t{chunk_} * h_.n_embd * sizeof(float) + kHeadRows * h_.n_vocab * sizeof(float) : 0);
  }

  // That the copy of the head takes, and what a session computes with it.
  uint64_t HeadCopyBytes() const { return GpuHeadCopyBytes(w_.head()) + HeadScratch::Bytes(h_.n_vocab, h_.n_embd); }

 private:
  const HParams& h_;
  const Weights& w_;
  uint32_t n_ctx_, chunk_;
  kernels::Dense kv_type_;
  uint64_t head_copy_bytes_;
};

// Layers [first, n_layers) and perhaps the head over the GPUs, in rising order, as many to each as it has room for.
// False when they do not fit.
bool PlaceOnGpus(const Costs& costs, const std::vector<uint64_t>& room, uint32_t first, uint32_t n_layers, bool head,
                 std::vector<StagePlan>* out) {
  out->clear();
  uint32_t begin = first;
  for (size_t d = 0; d < room.size(); ++d) {
    GpuPart part = {{begin, n_layers}, begin == 0, head};
    if (costs.Of(part) <= room[d]) {
      out->push_back({static_cast<int32_t>(d), part});
      return true;
    }
    part.head = false;
    uint32_t end = begin;
    while (end < n_layers) {
      part.layers.end = end + 1;
      if (costs.Of(part) > room[d]) break;
      ++end;
    }
    if (end == begin) continue;
    part.layers.end = end;
    out->push_back({static_cast<int32_t>(d), part});
    begin = end;
  }
  return false;
}

Plan OnCpu(uint32_t n_layers, std::string reason) {
  Plan plan;
  plan.stages.push_back({StagePlan::kCpu, {{0, n_layers}, true, true}});
  plan.fallback_reason = std::move(reason);
  return plan;
}

Status CheckTypes(const Weights& w, uint32_t n_layers) { return CheckGpuPart(w, {{0, n_layers}, true, true}); }

}  // namespace

Result<Plan> MakePlan(const Engine& engine, const Model& model, uint32_t n_ctx, uint32_t chunk, kernels::Dense kv_type,
                      HeadCopyUse head_copy) {
  const uint32_t n_layers = model.hparams().n_layers;
  const Weights& w = model.weights();
  const DeviceMode mode = engine.device();
  if (mode == DeviceMode::kCpu || engine.gpus().empty()) return OnCpu(n_layers, engine.fallback_reason());
  const auto n_gpu_chunk = static_cast<uint32_t>(std::min<size_t>(chunk, GpuOps::kMaxRows));
  const bool always = head_copy == HeadCopyUse::kAlways;
  const Costs costs(model, n_ctx, n_gpu_chunk, kv_type, always);
  BN_ASSIGN_OR_RETURN(const std::vector<uint64_t> room, engine.GpuRoom());
  uint64_t all_room = 0;
  for (const uint64_t bytes : room) all_room += bytes;

  Plan plan;
  const auto placed = [&] {
    const StagePlan& last = plan.stages.back();
    const bool fits = last.device != StagePlan::kCpu && head_copy == HeadCopyUse::kIfItFits &&
                      costs.Of(last.part) + costs.HeadCopyBytes() <= room[static_cast<size_t>(last.device)];
    plan.head_copy = fits || (last.device != StagePlan::kCpu && always);
    return plan;
  };
  if (mode != DeviceMode::kHybrid) {
    const Status types = CheckTypes(w, n_layers);
    if (types.ok() && PlaceOnGpus(costs, room, 0, n_layers, true, &plan.stages)) return placed();
    const Status refusal = types.ok()
                               ? Status(Code::kNoMemory,
                                        Cat("gpu: the model needs ", costs.Of({{0, n_layers}, true, true}),
                                            " bytes with this context, free or allowed are ", all_room,
                                            always ? "; a smaller context, head full, or device hybrid, needs less"
                                                   : "; a smaller context, or device hybrid, needs less"),
                                        "gpu_memory_limit")
                               : types;
    if (mode == DeviceMode::kCuda) return refusal;
    return OnCpu(n_layers, std::string(refusal.message()));
  }
  // Hybrid: the first layers on the CPU, as few as possible; what no GPU has a kernel for stays there too.
  const bool head = GpuComputes(w.head());
  for (uint32_t n_cpu = 0; n_cpu < n_layers; ++n_cpu) {
    const GpuPart rest = {{n_cpu, n_layers}, false, false};
    if (!CheckGpuPart(w, rest).ok()) continue;
    const bool cpu_first = n_cpu > 0 || !GpuComputes(w.token_embd);
    if (!PlaceOnGpus(costs, room, n_cpu, n_layers, head, &plan.stages)) continue;
    if (cpu_first) {
      plan.stages.insert(plan.stages.begin(), {StagePlan::kCpu, {{0, n_cpu}, true, false}});
      plan.stages[1].part.embedding = false;
    }
    if (!head) plan.stages.push_back({StagePlan::kCpu, {{n_layers, n_layers}, false, true}});
    return placed();
  }
  return Status(
      Code::kNoMemory,
      Cat("gpu: not one layer fits beside scratch and head; free or allowed are ", all_room, " bytes; use device cpu"),
      "gpu_memory_limit");
}

Result<std::unique_ptr<Stage>> Stage::Create(const StagePlan& plan, const Engine& engine,
                                             const std::shared_ptr<const Model>& model, uint32_t n_ctx, uint32_t chunk,
                                             kernels::Dense kv_type) {
  const HParams& h = model->hparams();
  auto s = std::make_unique<Stage>();
  s->plan = plan;
  if (plan.device == StagePlan::kCpu) {
    s->weights = &model->weights();
    s->allocator = engine.allocator();
    s->cpu_ops = std::make_unique<CpuOps>(engine.table(), engine.pool());
    BN_RETURN_IF_ERROR(s->cpu_ops->Allocate(CpuOps::SizesFor(h, chunk, n_ctx), s->allocator));
    s->ops = s->cpu_ops->ops();
  } else {
    const auto device = static_cast<uint32_t>(plan.device);
    BN_ASSIGN_OR_RETURN(s->gpu, GpuContext::Open(*engine.gpu_table(), device));
    BN_ASSIGN_OR_RETURN(s->gpu_weights, engine.WeightsOnGpu(device, model, plan.part));
    s->weights = &s->gpu_weights->weights();
    s->allocator = s->gpu->allocator();
    s->gpu_ops = std::make_unique<GpuOps>(s->gpu);
    BN_RETURN_IF_ERROR(s->gpu_ops->Allocate(GpuOps::SizesFor(h, chunk, n_ctx)));
    s->ops = s->gpu_ops->ops();
  }
  const HParams own = WithLayers(h, plan.part.layers.end - plan.part.layers.begin);
  BN_ASSIGN_OR_RETURN(s->cache, KvCache::Allocate(own, n_ctx, kv_type, s->allocator));
  BN_ASSIGN_OR_RETURN(s->scratch, ForwardScratch::Allocate(h, chunk, s->allocator));
  return s;
}

Status Stage::Read(void* host, const void* device, size_t bytes) const {
  if (bytes == 0) return {};
  if (!on_gpu()) {
    std::memcpy(host, device, bytes);
    return {};
  }
  return ops.read(ops.context, host, device, bytes) ? Status() : gpu->status();
}

Status Stage::Write(void* device, const void* host, size_t bytes) const {
  if (bytes == 0) return {};
  if (!on_gpu()) {
    std::memcpy(device, host, bytes);
    return {};
  }
  return ops.write(ops.context, device, host, bytes) ? Status() : gpu->status();
}

Status Stage::Copy(void* to, const void* from, size_t bytes) const {
  if (!on_gpu()) {
    std::memcpy(to, from, bytes);
    return {};
  }
  return ops.copy(ops.context, to, from, bytes) ? Status() : gpu->status();
}

Status Stage::Wait() const {
  return !on_gpu() || gpu->Check(gpu->table().wait(gpu->queue())) ? Status() : gpu->status();
}

}  // namespace bitnet::core
