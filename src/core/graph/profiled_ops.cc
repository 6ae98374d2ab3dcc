#include "core/graph/profiled_ops.h"

#include <chrono>

namespace bitnet::core {

// An operation that is new at the seam needs its clock here. Fusions and devices have none: only the CPU is profiled.
static_assert(sizeof(Ops) == 23 * sizeof(void*));

const char* ProfilePartName(ProfilePart part) {
  switch (part) {
    case ProfilePart::kEmbed: return "embed";
    case ProfilePart::kNorm: return "norm";
    case ProfilePart::kTernaryProduct: return "ternary product";
    case ProfilePart::kOtherProduct: return "head product";
    case ProfilePart::kRopeStore: return "rope and cache";
    case ProfilePart::kAttention: return "attention";
    case ProfilePart::kGate: return "gate";
    case ProfilePart::kAdd: return "add";
    case ProfilePart::kSelectTop: return "select top";
    case ProfilePart::kDigest: return "logits digest";
    case ProfilePart::kCount: break;
  }
  return "";
}

class ProfiledOps::Timer {
 public:
  Timer(ProfiledOps& ops, ProfilePart part) : seconds_(ops.seconds_[static_cast<size_t>(part)]) {}
  ~Timer() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  Clock::time_point start_ = Clock::now();
};

template <typename R, typename... Args, R (*Ops::*kMember)(void*, Args...), ProfilePart kPart>
struct ProfiledOps::Timed<kMember, kPart> {
  static R Call(void* context, Args... args) {
    auto& self = *static_cast<ProfiledOps*>(context);
    const Timer timer(self, kPart);
    return (self.inner_.*kMember)(self.inner_.context, args...);
  }
};

Ops ProfiledOps::ops() {
  Ops o{};
  o.context = this;
  o.embed = Timed<&Ops::embed, ProfilePart::kEmbed>::Call;
  o.set_input = Timed<&Ops::set_input, ProfilePart::kNorm>::Call;
  o.linear = [](void* context, const Matrix& w, float* y) {
    const bool ternary = w.kind == Matrix::Kind::kTernary || w.kind == Matrix::Kind::kTernaryBlocks;
    return ternary ? Timed<&Ops::linear, ProfilePart::kTernaryProduct>::Call(context, w, y)
                   : Timed<&Ops::linear, ProfilePart::kOtherProduct>::Call(context, w, y);
  };
  o.qkv_rope_store = Timed<&Ops::qkv_rope_store, ProfilePart::kRopeStore>::Call;
  o.attention = Timed<&Ops::attention, ProfilePart::kAttention>::Call;
  o.gate = Timed<&Ops::gate, ProfilePart::kGate>::Call;
  o.add = Timed<&Ops::add, ProfilePart::kAdd>::Call;
  o.select_top = Timed<&Ops::select_top, ProfilePart::kSelectTop>::Call;
  o.head_top = Timed<&Ops::head_top, ProfilePart::kOtherProduct>::Call;
  o.mark = [](void* context, uint32_t mark) {
    auto& self = *static_cast<ProfiledOps*>(context);
    self.inner_.mark(self.inner_.context, mark);
  };
  o.failure = [](void* context) {
    auto& self = *static_cast<ProfiledOps*>(context);
    return self.inner_.failure(self.inner_.context);
  };
  o.counts = [](void* context) -> OpCounts& {
    auto& self = *static_cast<ProfiledOps*>(context);
    return self.inner_.counts(self.inner_.context);
  };
  return o;
}

}  // namespace bitnet::core
