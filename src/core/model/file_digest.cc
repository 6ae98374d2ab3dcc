#include "core/model/file_digest.h"

#include <signal.h>

#include <algorithm>

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
  sigset_t all, old;  // the host's signals are handled on the host's threads
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &old);
  has_thread_ = pthread_create(&thread_, nullptr, main, this) == 0;
  pthread_sigmask(SIG_SETMASK, &old, nullptr);
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
