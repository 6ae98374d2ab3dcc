// The SHA-256 of a model's files: computed once, by a thread beside the loader or by the first who asks.
#ifndef BITNET_CORE_MODEL_FILE_DIGEST_H_
#define BITNET_CORE_MODEL_FILE_DIGEST_H_

#include <pthread.h>

#include <atomic>
#include <mutex>
#include <span>
#include <vector>

#include "core/base/sha256.h"

namespace bitnet::core {

// Over some ranges of bytes, one after the other. They must outlive the object, which is not copied nor moved.
class FileDigest {
 public:
  FileDigest() = default;
  FileDigest(const FileDigest&) = delete;
  FileDigest& operator=(const FileDigest&) = delete;
  ~FileDigest();  // a computation that runs ends early

  // Computes on a thread of its own from now on. Pages that the loader reads at the same time are read once. Called
  // once; a machine that gives no thread leaves it to Get().
  void Start(std::span<const std::span<const std::byte>> ranges);
  // Waits for the thread, or computes. Safe from any thread; `ranges` are always the same.
  const Digest& Get(std::span<const std::span<const std::byte>> ranges);

 private:
  void Compute(std::span<const std::span<const std::byte>> ranges);

  std::once_flag once_;
  Digest digest_{};
  std::atomic<bool> stop_{false};  // the object ends: nobody reads the digest any more
  std::vector<std::span<const std::byte>> ranges_;
  pthread_t thread_{};
  bool has_thread_ = false;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_FILE_DIGEST_H_
