// bitnet_gpu_bench: what a GPU reaches, beside limits measured on it. One JSON document on standard output.
//
// clang-format off
// usage: bitnet_gpu_bench write-model q6_k|f16 FILE   random weights in the shape of BitNet b1.58 2B-4T
//        bitnet_gpu_bench kernels                     each kernel alone, and the limits
//        bitnet_gpu_bench passes MODEL                1, 16 and 64 sessions at once, prompts of 512 and 4096
//        bitnet_gpu_bench emulated FILE               all of it on loops of the CPU, small: shows that it works, no speed
// clang-format on
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <vector>

#include "bench/gpu_bench.h"
#include "core/runtime/session.h"
#include "support/emulated_gpu.h"

namespace bitnet_bench {

namespace core = bitnet::core;
namespace gpu = bitnet::kernels::gpu;

namespace {

template <class T>
T Get(core::Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "gpu_bench: %s\n", std::string(result.status().message()).c_str());
  std::exit(17);
}
void Get(const core::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "gpu_bench: %s\n", std::string(status.message()).c_str());
  std::exit(17);
}

Device OpenDevice(const gpu::GpuTable& table, bool emulated) {
  Device d;
  d.context = Get(core::GpuContext::Open(table, 0));
  if (emulated) {
    d.rotated_bytes = 1 << 20;
    d.n_repeats = d.most_launches = 1;
    return d;
  }
  gpu::GpuLimits limits;
  Get(core::StatusOfGpu(table.measure(d.context->queue(), &limits)));
  d.read_bytes_per_s = limits.read_bytes_per_s;
  d.multiply_adds_per_s = limits.multiply_adds_per_s;
  return d;
}

std::vector<int32_t> SomeTokens(size_t n, uint32_t n_vocab) {
  std::vector<int32_t> tokens(n);
  for (size_t i = 0; i < n; ++i) tokens[i] = static_cast<int32_t>((i * 7919 + 13) % n_vocab);
  return tokens;
}

class Passes {
 public:
  Passes(Device device, std::shared_ptr<core::Engine> engine, const std::string& path, bool small)
      : device_(std::move(device)), engine_(std::move(engine)), small_(small) {
    core::LoadSpec spec;
    model_ = Get(core::Model::LoadFile(path, spec, engine_->pool(), engine_->allocator()));
    const core::HParams& h = model_->hparams();
    shape_ = {h.n_layers, h.n_embd, h.n_ff, h.n_heads, h.n_heads_kv, h.n_vocab, h.n_ctx_train};
  }

  // A token of each of n sessions, `depth` positions in; how much of it is the head, how much attention. Nothing where
  // the model's context is shorter.
  void Decode(uint32_t n, uint32_t depth, core::JsonWriter& json) {
    const uint32_t n_steps = small_ ? 3 : 48;
    if (depth + n_steps > shape_.n_ctx) return;
    std::vector<std::unique_ptr<core::Session>> sessions;
    std::vector<core::Session::BatchItem> items;
    const std::vector<int32_t> text = SomeTokens(depth, shape_.vocab), one = {7};
    for (uint32_t i = 0; i < n; ++i) {
      core::SessionOptions options;
      options.n_ctx = depth + n_steps;
      sessions.push_back(Get(core::Session::Create(engine_, model_, options)));
      Get(sessions.back()->Eval(text));
      items.push_back({sessions.back().get(), one, core::Want::kLast});
    }
    double pass = 0, head = 0;
    for (uint32_t step = 0; step < n_steps; ++step) {
      const double start = Now();
      Get(core::Session::EvalBatch(items));
      const double between = Now();
      for (const auto& s : sessions) (void)Get(s->Top(0));
      if (step < 2) continue;  // the first are recorded
      pass += between - start;
      head += Now() - between;
    }
    const uint32_t n_measured = n_steps - 2;
    const double attention = AttentionSeconds(device_, shape_, n, depth, n == 1) * shape_.layers * n_measured;
    json.BeginObject().Key("test").String("decode").Key("sessions").Uint(n).Key("depth").Uint(depth);
    json.Key("tokens_per_second").Double(n * n_measured / (pass + head));
    json.Key("pass_us").Double(pass / n_measured * 1e6).Key("head_us").Double(head / n_measured * 1e6);
    json.Key("attention_share").Double(attention / (pass + head)).EndObject();
  }

  // A prompt of n tokens, if the model's context is as long: that of 2B-4T is of 4096.
  void Prefill(uint32_t n, core::JsonWriter& json) {
    if (n > shape_.n_ctx) return;
    core::SessionOptions options;
    options.n_ctx = n;
    options.chunk = std::min(n, 2048u);
    const auto session = Get(core::Session::Create(engine_, model_, options));
    const std::vector<int32_t> text = SomeTokens(n, shape_.vocab);
    double best = 1e30;
    for (int i = 0; i < (small_ ? 2 : 4); ++i) {
      session->Clear();
      const double start = Now();
      Get(session->Eval(text));
      (void)Get(session->Top(0));
      if (i > 0) best = std::min(best, Now() - start);
    }
    double attention = 0;
    for (uint32_t end = options.chunk; end <= n; end += options.chunk) {
      attention += AttentionSeconds(device_, shape_, options.chunk, end, true) * shape_.layers;
    }
    json.BeginObject().Key("test").String("prefill").Key("tokens").Uint(n).Key("chunk").Uint(options.chunk);
    json.Key("tokens_per_second").Double(n / best).Key("attention_share").Double(attention / best).EndObject();
  }

 private:
  Device device_;
  std::shared_ptr<core::Engine> engine_;
  std::shared_ptr<const core::Model> model_;
  Shape shape_;
  bool small_;
};

std::shared_ptr<core::Engine> EngineOn(const gpu::GpuTable& table) {
  core::EngineOptions o;
  o.device = core::DeviceMode::kCuda;
  o.gpu = &table;
  return Get(core::Engine::Create(o));
}

void Limits(const Device& d, core::JsonWriter& json) {
  if (d.read_bytes_per_s == 0) return;
  json.Key("read_gb_per_s").Double(d.read_bytes_per_s / 1e9).Key("int8_gmac_per_s").Double(d.multiply_adds_per_s / 1e9);
}

int Usage() {
  std::fprintf(stderr, "usage: bitnet_gpu_bench write-model q6_k|f16 FILE | kernels | passes MODEL | emulated FILE\n");
  return 2;
}

const gpu::GpuTable& RealTable() {
  const gpu::GpuTable* const table = gpu::CudaTable();
  const char* why = "not built in";
  if (table != nullptr && table->count(&why) > 0) return *table;
  std::fprintf(stderr, "gpu_bench: cuda: %s\n", why);
  std::exit(17);
}

int Main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "write-model" && argc == 4) {
    const bool f16 = std::strcmp(argv[2], "f16") == 0;
    if (!f16 && std::strcmp(argv[2], "q6_k") != 0) return Usage();
    if (WriteModel(Shape(), f16 ? HeadType::kF16 : HeadType::kQ6_K, argv[3])) return 0;
    std::fprintf(stderr, "gpu_bench: cannot write %s\n", argv[3]);
    return 1;
  }
  core::JsonWriter json;
  json.BeginObject();
  if (what == "kernels" && argc == 2) {
    const Device device = OpenDevice(RealTable(), false);
    Limits(device, json);
    json.Key("kernels");
    MeasureKernels(device, Shape(), json);
  } else if (what == "passes" && argc == 3) {
    const Device device = OpenDevice(RealTable(), false);
    Limits(device, json);
    Passes passes(device, EngineOn(RealTable()), argv[2], false);
    json.Key("passes").BeginArray();
    passes.Decode(1, 64, json);
    passes.Decode(1, 4000, json);
    passes.Decode(16, 512, json);
    passes.Decode(64, 512, json);
    passes.Prefill(512, json);
    passes.Prefill(4096, json);
    json.EndArray();
  } else if (what == "emulated" && argc == 3) {
    if (!WriteModel(kSmallShape, HeadType::kQ6_K, argv[2])) return 1;
    const Device device = OpenDevice(bitnet_test::EmulatedTable(), true);
    json.Key("emulated").Bool(true).Key("kernels");
    MeasureKernels(device, kSmallShape, json);
    Passes passes(device, EngineOn(bitnet_test::EmulatedTable()), argv[2], true);
    json.Key("passes").BeginArray();
    passes.Decode(1, 20, json);
    passes.Decode(5, 20, json);
    passes.Prefill(40, json);
    json.EndArray().Key("misuse").Uint(bitnet_test::Gpus().misuse);
  } else {
    return Usage();
  }
  std::printf("%s\n", json.EndObject().str().c_str());
  return bitnet_test::Gpus().misuse == 0 ? 0 : 1;
}

}  // namespace
}  // namespace bitnet_bench

int main(int argc, char** argv) { return bitnet_bench::Main(argc, argv); }
