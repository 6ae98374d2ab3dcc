// Any bytes as a GGUF file: an error or a model, whose accessors then work.
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "core/model/model.h"

using bitnet::core::DefaultAllocator;
using bitnet::core::Gguf;
using bitnet::core::LoadSpec;
using bitnet::core::Model;
using bitnet::core::ThreadPool;

namespace {

// Every typed read of every key: each gives a value or an error for what the key holds.
size_t ReadAllKeys(const Gguf& gguf) {
  size_t n_read = 0;
  for (const auto& value : gguf.values()) {
    n_read += gguf.Count(value.key).ok();
    n_read += gguf.Float(value.key).ok();
    n_read += gguf.Bool(value.key).ok();
    n_read += gguf.String(value.key).ok();
    n_read += gguf.Strings(value.key).ok();
    n_read += gguf.Floats(value.key).ok();
    n_read += gguf.Ints(value.key).ok();
  }
  return n_read;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::unique_ptr<ThreadPool> pool = *ThreadPool::Create(1);
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  if (const auto gguf = Gguf::Parse(bytes); gguf.ok()) ReadAllKeys(*gguf);
  LoadSpec spec;
  spec.verify = true;
  spec.allow_suspicious_norms = size % 2 != 0;
  spec.i2s_arm_layout = size % 3 == 0;
  const auto model = Model::LoadMemory(bytes, spec, *pool, DefaultAllocator());
  if (!model.ok()) {
    if (model.status().message().empty()) std::abort();  // every error says what is wrong
    return 0;
  }
  (*model)->TernarySha256();
  (*model)->TernaryScalesSha256();
  if ((*model)->n_params() == 0 || (*model)->tensors().empty()) std::abort();
  return 0;
}
