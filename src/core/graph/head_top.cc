// The head shortcut on the CPU: bounds from the 8-bit copy select the rows that can be among the k largest, and those
// are computed by the head's own rule. Why nothing is lost: k rows have a logit of at least T, the k-th largest lower
// bound, so a row whose upper bound is below T has k rows strictly above it.
#include "core/graph/cpu_ops.h"

namespace bitnet::core {

HeadOutcome CpuOps::HeadTop(const Matrix& w, const HeadCopy& copy, float* logits, HeadScratch& s, size_t k,
                            kernels::TopEntry* top) {
  constexpr size_t kBoundTile = 256, kExactTile = 16;
  failed_row_.store(kNoRow);
  kernels::HeadQuery query;
  if (!table_.head_query(input_, n_, s.digits, &query)) {
    Fail(0);
    return HeadOutcome::kNonFinite;
  }
  float* const lower = logits;  // until the threshold is known
  pool_.ParallelFor(w.rows, kBoundTile, [&](size_t begin, size_t end, uint32_t) {
    table_.head_bounds(copy.rows.as<uint8_t>(), n_, query, s.digits, begin, end, lower, s.upper);
  });
  if (!table_.select_top(lower, w.rows, k, top)) return HeadOutcome::kFallBack;
  s.n_survivors = table_.head_survivors(s.upper, w.rows, top[k - 1].logit, s.rows, s.max_survivors);
  if (s.n_survivors > s.max_survivors) return HeadOutcome::kFallBack;
  pool_.ParallelFor(s.n_survivors, kExactTile, [&](size_t begin, size_t end, uint32_t) {
    for (size_t i = begin; i < end; ++i) {
      const uint32_t r = s.rows[i];
      table_.dense_rows(w.dense, w.data, n_, input_, r, r + 1, logits);
      s.values[i] = logits[r];
    }
  });
  if (!table_.select_top(s.values, s.n_survivors, k, top)) {
    ++mark_;
    Fail(0);
    return HeadOutcome::kNonFinite;
  }
  for (size_t i = 0; i < k; ++i) top[i].id = s.rows[top[i].id];  // rows rise, so ties stay in order
  Count(kernels::Op::kHeadShortcut, 1);
  Count(kernels::Op::kSelectTop, 1);
  return HeadOutcome::kDone;
}

}  // namespace bitnet::core
