// Weights in the memory of a GPU: copies of what its layers need.
#ifndef BITNET_CORE_GRAPH_GPU_WEIGHTS_H_
#define BITNET_CORE_GRAPH_GPU_WEIGHTS_H_

#include <cstdint>
#include <memory>
#include <mutex>

#include "core/graph/forward.h"
#include "core/graph/gpu_head.h"
#include "core/graph/gpu_memory.h"
#include "core/model/weights.h"

namespace bitnet::core {

// What of a model one device holds.
struct GpuPart {
  LayerRange layers;
  bool embedding = false;
  bool head = false;  // output norm and head

  bool operator==(const GpuPart& o) const {
    return layers.begin == o.layers.begin && layers.end == o.layers.end && embedding == o.embedding && head == o.head;
  }
};

// kUnsupported, naming the matrix, where the device has no kernel for a type of `part`.
Status CheckGpuPart(const Weights& w, const GpuPart& part);
bool GpuComputes(const Matrix& m);

class GpuWeights {
 public:
  // Bytes of device memory that Upload() takes.
  static uint64_t Bytes(const HParams& h, const Weights& w, const GpuPart& part);
  // Copies; waits until the device has them. `w` may go afterwards.
  static Result<std::shared_ptr<const GpuWeights>> Upload(const HParams& h, const Weights& w, const GpuPart& part,
                                                          std::shared_ptr<GpuContext> context);

  // Pointers into device memory. Layers outside the part have none.
  const Weights& weights() const { return weights_; }
  const GpuPart& part() const { return part_; }
  // The 8-bit copy of the part's head (HeadCopy::Possible), made at the first call: GpuHeadCopyBytes more than Bytes().
  // Any thread.
  Result<const HeadCopy*> SharedHead() const;

 private:
  GpuWeights() = default;
  std::shared_ptr<GpuContext> context_;
  Buffer memory_;
  Weights weights_;
  GpuPart part_;
  mutable std::mutex head_mutex_;  // of the copy, and of the queue that makes it
  mutable HeadCopy head_copy_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_GPU_WEIGHTS_H_
