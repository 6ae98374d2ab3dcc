#include "core/model/file_digest.h"

#include <algorithm>

#include "core/base/signal_mask.h"

namespace bitnet::core {

namespace {

constexpr size_t kPiece = size_t{1} << 20;  // bytes between two looks at stop_: about a millisecond

}  // namespace

FileDigest::~FileDigest() {
  stop_.store(true, std::memory_order_relaxed);
  if (has_thread_) pthread_join(thread_, nullptr);
}

void FileDigest::Start(std::span<const std::span<const std::byte>> ranges) {
  ranges_.assign(ranges.begin(), ranges.end());
  const auto main = [](void* self) -> void* {
    auto* digest = static_cast<FileDigest*>(self);
    std::call_once(digest->once_, [digest] { digest->Compute(digest->ranges_); });
    return nullptr;
  };
  const SignalsBlocked blocked;
  has_thread_ = pthread_create(&thread_, nullptr, main, this) == 0;
}

const Digest& FileDigest::Get(std::span<const std::span<const std::byte>> ranges) {
  std::call_once(once_, [&] { Compute(ranges); });
  return digest_;
}

void FileDigest::Compute(std::span<const std::span<const std::byte>> ranges) {
  Sha256 hash;
  for (const auto& range : ranges) {
    for (size_t at = 0; at < range.size(); at += kPiece) {
      if (stop_.load(std::memory_order_relaxed)) return;
      hash.Update(range.data() + at, std::min(kPiece, range.size() - at));
    }
  }
  digest_ = hash.Finish();
}

}  // namespace bitnet::core
