// Speed of a GPU's kernels and passes beside its own limits: bitnet_gpu_bench.
#ifndef BITNET_TESTS_BENCH_GPU_BENCH_H_
#define BITNET_TESTS_BENCH_GPU_BENCH_H_

#include <cstdint>
#include <functional>
#include <string>

#include "core/base/json_writer.h"
#include "core/graph/gpu_memory.h"

namespace bitnet_bench {

// The matrices and heads of a model. The default is the shape of BitNet b1.58 2B-4T.
struct Shape {
  uint32_t layers = 30, embd = 2560, ffn = 6912, heads = 20, heads_kv = 5, vocab = 128256, n_ctx = 8192;
  uint32_t head_dim() const { return embd / heads; }
};
// For runs that only show that every part works.
inline constexpr Shape kSmallShape = {2, 256, 512, 4, 2, 512, 64};

enum class HeadType { kQ6_K, kF16 };

// Writes a model of random weights, its embedding tied to the head, as a GGUF file. False: the file cannot be written.
bool WriteModel(const Shape& shape, HeadType head, const std::string& path);

double Now();  // seconds

// What is the same for every measurement on one device.
struct Device {
  std::shared_ptr<bitnet::core::GpuContext> context;
  double read_bytes_per_s = 0, multiply_adds_per_s = 0;  // 0: not measured
  size_t rotated_bytes = size_t{512} << 20;              // weights are taken in turn from that much, beyond every cache
  uint32_t n_repeats = 20, most_launches = 200;
};

// Seconds of one launch among many of a recording: launch(i) puts the i-th into the queue.
double SecondsOfLaunch(const Device& device, uint32_t n_launches, const std::function<void(uint32_t)>& launch);

// Every kernel that takes time in a model of this shape: an array.
void MeasureKernels(const Device& device, const Shape& shape, bitnet::core::JsonWriter& json);

// Seconds of the attention of `n_rows` rows at `depth` positions, in one layer.
double AttentionSeconds(const Device& device, const Shape& shape, uint32_t n_rows, uint32_t depth, bool one_context);

}  // namespace bitnet_bench

#endif  // BITNET_TESTS_BENCH_GPU_BENCH_H_
