// Ops that measure how long each operation takes: a wrapper at the seam, so that graph and kernels know nothing of it.
#ifndef BITNET_CORE_GRAPH_PROFILED_OPS_H_
#define BITNET_CORE_GRAPH_PROFILED_OPS_H_

#include <array>
#include <cstddef>

#include "core/graph/ops.h"

namespace bitnet::core {

// Parts of the time. The quantised input of a product is made by the first product that reads it and counts there.
enum class ProfilePart : size_t {
  kEmbed,
  kNorm,
  kTernaryProduct,
  kOtherProduct,  // dense and block matrices: the head
  kRopeStore,
  kAttention,
  kGate,
  kAdd,
  kSelectTop,
  kDigest,  // of the logits; the session's own, not an operation
  kCount
};
// "embed", "ternary product" and so on.
const char* ProfilePartName(ProfilePart part);

class ProfiledOps {
 public:
  using Seconds = std::array<double, static_cast<size_t>(ProfilePart::kCount)>;

  explicit ProfiledOps(const Ops& inner) : inner_(inner) {}
  ProfiledOps(const ProfiledOps&) = delete;
  ProfiledOps& operator=(const ProfiledOps&) = delete;

  // `inner` with clocks around it; valid as long as this object.
  Ops ops();
  const Seconds& seconds() const { return seconds_; }
  void Add(ProfilePart part, double seconds) { seconds_[static_cast<size_t>(part)] += seconds; }

 private:
  class Timer;
  template <auto kMember, ProfilePart kPart>
  struct Timed;

  Ops inner_;
  Seconds seconds_{};
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_GRAPH_PROFILED_OPS_H_
