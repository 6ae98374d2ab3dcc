#include "core/graph/gpu_head.h"

#include <cstring>
#include <utility>

#include "core/graph/gpu_ops.h"
#include "kernels/cuda/kernel_list.h"
#include "kernels/pack.h"

namespace bitnet::core {

namespace gpu = kernels::gpu;

namespace {

gpu::GpuGrid GridOver(size_t n, size_t per_block) { return {static_cast<uint32_t>((n + per_block - 1) / per_block)}; }

// Beside the bounds the shortcut takes five launches more than the full product, some 17 us of an H200 by count, in
// which it reads 73 MB.
constexpr uint64_t kWorthwhileBytes = uint64_t{160} << 20;

template <class Kernel>
gpu::GpuStatus Encode(const Matrix& head, GpuContext& c, uint8_t* copy) {
  typename Kernel::Args a{};
  a.w = static_cast<decltype(a.w)>(head.data);
  a.n = head.cols;
  a.rows = head.rows;
  a.copy = copy;
  return gpu::Launch<Kernel>(c.table(), c.queue(), GridOver(head.rows, Kernel::kRows), a);
}

}  // namespace

bool GpuHeadCopyWorthwhile(const Matrix& head) {
  return HeadCopy::Possible(head) &&
         uint64_t{head.rows} * head.cols * kernels::DenseBytes(head.dense) >= kWorthwhileBytes;
}

uint64_t GpuHeadCopyBytes(const Matrix& head) { return gpu::HeadLayout(head.rows, head.cols).Bytes(); }

Result<HeadCopy> MakeGpuHeadCopy(const Matrix& head, GpuContext& context) {
  BN_ENSURE(HeadCopy::Possible(head));
  HeadCopy copy;
  BN_ASSIGN_OR_RETURN(copy.rows, Buffer::Allocate(context.allocator(), GpuHeadCopyBytes(head)));
  auto* const to = copy.rows.as<uint8_t>();
  switch (head.dense) {
    case kernels::Dense::kF32: (void)context.Check(Encode<gpu::HeadCopyF32>(head, context, to)); break;
    case kernels::Dense::kF16: (void)context.Check(Encode<gpu::HeadCopyF16>(head, context, to)); break;
    case kernels::Dense::kBF16: (void)context.Check(Encode<gpu::HeadCopyBF16>(head, context, to)); break;
  }
  (void)context.Check(context.table().wait(context.queue()));
  BN_RETURN_IF_ERROR(context.status());
  return copy;
}

// ---- The operation ----

// As on the CPU (head_top.cc), in launches that the host neither waits nor counts for: how many rows survive is known
// on the device alone until all comes back together.
HeadOutcome GpuOps::HeadTop(const Matrix& w, const HeadCopy& copy, float* logits, HeadScratch& s, size_t k,
                            kernels::TopEntry* top) {
  // In front of the failure word, so that one copy brings all: the number of survivors, then the candidates.
  const size_t top_bytes = k * sizeof *top, bytes = sizeof(uint64_t) + top_bytes + sizeof(uint64_t);
  std::byte* const found = reinterpret_cast<std::byte*>(fail_) - top_bytes - sizeof(uint64_t);
  auto* const n_survivors = reinterpret_cast<uint32_t*>(found);
  auto* const device_top = reinterpret_cast<kernels::TopEntry*>(found + sizeof(uint64_t));
  const auto max = static_cast<uint32_t>(s.max_survivors);
  const float* const x = gamma_ != nullptr ? normed_ : input_;
  const gpu::SelectArgs select = {logits, w.rows, static_cast<uint32_t>(k), maxima_, device_top, Slot(mark_ + 1)};
  const auto run_select = [&] {
    return Run<gpu::SelectMaxima>(GridOver(gpu::GroupCount(w.rows), gpu::SelectMaxima::kGroups), select) &&
           Run<gpu::SelectTop>({1}, select);
  };
  float* const lower = logits;  // until the logits of the survivors are known
  std::byte back[sizeof(uint64_t) + kernels::kMaxTop * sizeof(kernels::TopEntry) + sizeof(uint64_t)];
  const bool ok = NeedFloatInput() &&
                  Run<gpu::HeadDigits>({1}, {x, w.cols, s.digits, s.query, n_survivors, Slot(mark_)}) &&
                  Run<gpu::HeadBounds>(GridOver(w.rows, gpu::HeadBounds::kRows),
                                       {copy.rows.as<uint8_t>(), w.cols, w.rows, s.digits, s.query, lower, s.upper}) &&
                  run_select() &&
                  Run<gpu::HeadSurvivors>(GridOver(w.rows, gpu::HeadSurvivors::kRows),
                                          {s.upper, w.rows, select.k, device_top, s.rows, max, n_survivors}) &&
                  ListedRows(w, x, s.rows, n_survivors, max, logits) && run_select() &&
                  Check(context_->table().copy_out(context_->queue(), back, found, bytes));
  if (!ok) return HeadOutcome::kNonFinite;  // and the device says why
  uint32_t n = 0;
  uint64_t failure = 0;
  std::memcpy(&n, back, sizeof n);
  std::memcpy(&failure, back + sizeof(uint64_t) + top_bytes, sizeof failure);
  if (!Answer(failure)) return HeadOutcome::kNonFinite;
  s.n_survivors = n;
  if (n > max) return HeadOutcome::kFallBack;
  std::memcpy(top, back + sizeof(uint64_t), top_bytes);
  Count(kernels::Op::kHeadShortcut, 1);
  Count(kernels::Op::kSelectTop, 1);
  return HeadOutcome::kDone;
}

bool GpuOps::ListedRows(const Matrix& w, const float* x, const uint32_t* ids, const uint32_t* n_ids, uint32_t max,
                        float* y) {
  gpu::ListedProductArgs a{};
  a.w = w.data;
  a.x = x;
  a.n = w.cols;
  a.rows = w.rows;
  a.n_tokens = 1;
  a.y = y;
  a.ids = ids;
  a.n_ids = n_ids;
  a.max = max;
  const gpu::GpuGrid grid = GridOver(max, gpu::DenseListedF32::kRows);
  switch (w.dense) {
    case kernels::Dense::kF32: return Run<gpu::DenseListedF32>(grid, a);
    case kernels::Dense::kF16: return Run<gpu::DenseListedF16>(grid, a);
    case kernels::Dense::kBF16: return Run<gpu::DenseListedBF16>(grid, a);
  }
  return false;
}

}  // namespace bitnet::core
