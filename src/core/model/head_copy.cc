#include "core/model/head_copy.h"

#include "core/base/system_info.h"
#include "kernels/pack.h"

namespace bitnet::core {

namespace {

// Below this size the head stays in the caches and is read faster than the copy is searched.
constexpr uint64_t kWorthwhileBytes = uint64_t{32} << 20;

}  // namespace

bool HeadCopy::Possible(const Matrix& head) {
  return head.kind == Matrix::Kind::kDense && head.bias == nullptr && head.rows > kernels::kMaxTop &&
         head.cols <= kernels::kMaxHeadColumns;
}

bool HeadCopy::Worthwhile(const Matrix& head) {
  return Possible(head) && uint64_t{head.rows} * head.cols * kernels::DenseBytes(head.dense) >= kWorthwhileBytes;
}

uint64_t HeadCopy::Bytes(const Matrix& head) { return uint64_t{head.rows} * kernels::HeadCopyRowBytes(head.cols); }

Result<HeadCopy> HeadCopy::Make(const Matrix& head, const kernels::KernelTable& table, ThreadPool& pool,
                                const Allocator& allocator) {
  BN_ENSURE(Possible(head));
  constexpr size_t kTileRows = 64;
  HeadCopy copy;
  BN_ASSIGN_OR_RETURN(copy.rows, Buffer::Allocate(allocator, Bytes(head)));
  AskForHugePages(copy.rows.data(), copy.rows.size());
  pool.ParallelFor(head.rows, kTileRows, [&](size_t begin, size_t end, uint32_t) {
    table.head_copy_rows(head.dense, head.data, head.cols, begin, end, copy.rows.as<uint8_t>());
  });
  return copy;
}

Result<const HeadCopy*> SharedHeadCopy::Get(const Matrix& head, const kernels::KernelTable& table, ThreadPool& pool,
                                            const Allocator& allocator) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (copy_.rows.data() == nullptr) {
    BN_ASSIGN_OR_RETURN(copy_, HeadCopy::Make(head, table, pool, allocator));
  }
  return static_cast<const HeadCopy*>(&copy_);
}

}  // namespace bitnet::core
