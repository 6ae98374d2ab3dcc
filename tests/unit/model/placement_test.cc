#include "core/model/placement.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/base/system_info.h"
#include "support/small_model.h"
#include "unit/model/load_helpers.h"

namespace bitnet::core {
namespace {

using test::GgufBuilder;
using test::SmallModel;
using test::TernaryFile;

// A file that lives as long as the object.
class ModelFile {
 public:
  explicit ModelFile(const std::string& bytes)
      : path_((std::filesystem::temp_directory_path() / ("bitnet_placement." + std::to_string(::getpid()))).string()) {
    std::ofstream(path_, std::ios::binary) << bytes;
  }
  ~ModelFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

uint64_t TensorBytes(const Model& m, std::string_view ending) {
  uint64_t sum = 0;
  for (const TensorEntry& t : m.tensors()) sum += t.name.ends_with(ending) ? t.n_bytes : 0;
  return sum;
}

LoadSpec Spec(LoadMode mode) {
  LoadSpec spec;
  spec.mode = mode;
  return spec;
}

uint64_t LinearBytes(const Model& m) {
  uint64_t sum = 0;
  for (const char* linear :
       {"_q.weight", "_k.weight", "_v.weight", "_output.weight", "_gate.weight", "_up.weight", "_down.weight"}) {
    sum += TensorBytes(m, linear);
  }
  return sum;
}

// `file` in all modes: the same values, and by kAuto `copied` bytes less in the mapping where huge pages are offered.
void CheckModes(const std::string& file, uint64_t (*copied)(const Model&), LoadSpec spec = {}) {
  const ModelFile model(file);
  spec.mode = LoadMode::kMap;
  const auto mapped = Loaded(LoadPath(model.path(), spec));
  CHECK(mapped->mapped_bytes() == file.size());
  spec.mode = LoadMode::kCopy;
  const auto whole = Loaded(LoadPath(model.path(), spec));
  CHECK(whole->mapped_bytes() == 0);
  CHECK(whole->buffer_bytes() >= file.size());
  spec.mode = LoadMode::kAuto;
  const auto chosen = Loaded(LoadPath(model.path(), spec));
  const uint64_t expected = HugePagesOffered() ? copied(*mapped) : 0;
  CHECK(chosen->mapped_bytes() == file.size() - expected);
  CHECK(chosen->buffer_bytes() >= mapped->buffer_bytes() + expected * 9 / 10);  // without scales behind the codes
  for (const auto& m : {whole, chosen}) {
    CHECK(m->TernarySha256() == mapped->TernarySha256());
    CHECK(m->TernaryScalesSha256() == mapped->TernaryScalesSha256());
    CHECK(m->FileSha256() == mapped->FileSha256());
    const auto head = [](const Model& x) {
      const Matrix& h = x.weights().head();
      return std::string_view(static_cast<const char*>(h.data), size_t{h.rows} * h.cols * kernels::DenseBytes(h.dense));
    };
    CHECK((head(*m) == head(*mapped)));  // megabytes, not to be printed
  }
}

TEST_CASE("matrices that every token reads are copied, where that pays", "[model][placement]") {
  SECTION("all linears, and a head that is the embedding") {
    CheckModes(SmallModel().Builder().Build(),
               [](const Model& m) { return LinearBytes(m) + TensorBytes(m, "token_embd.weight"); });
  }
  SECTION("of a model with a head of its own, the embedding stays in the file") {
    auto b = SmallModel().Builder();
    const GgufBuilder::Tensor embedding = *b.FindTensor("token_embd.weight");
    b.Add({"output.weight", embedding.ne, 1, embedding.data});
    CheckModes(b.Build(), [](const Model& m) { return LinearBytes(m) + TensorBytes(m, "token_embd.weight"); });
  }
  SECTION("matrices of several tiles") {
    SmallModel s;
    s.layers = 1, s.embd = 2560, s.ffn = 256, s.heads = 20, s.heads_kv = 1;
    CheckModes(s.Builder().Build(),
               [](const Model& m) { return LinearBytes(m) + TensorBytes(m, "token_embd.weight"); });
  }
  SECTION("codes that are repacked are not copied too") {
    SmallModel s;
    s.ternary = TernaryFile::kTQ2_0;
    CheckModes(s.Builder().Build(), [](const Model& m) { return TensorBytes(m, "token_embd.weight"); });
  }
}

TEST_CASE("a large 16-bit head stays in the file: sessions read a copy of half its size", "[model][placement]") {
  Weights weights;
  weights.token_embd.rows = 64000;
  weights.token_embd.cols = 1024;
  GgufTensor tensor;
  tensor.type = QuantType::kF16;
  tensor.n_bytes = uint64_t{64000} * 1024 * 2;
  TensorPlan plan;
  PlannedTensor table;
  table.role = PlannedTensor::Role::kTable;
  table.tensor = &tensor;
  table.matrix = &weights.token_embd;
  plan.tensors.push_back(table);
  CHECK_FALSE(PlaceWeights(plan, weights, Spec(LoadMode::kAuto)).Copies(plan.tensors[0]));
  tensor.type = QuantType::kQ8_0;
  tensor.n_bytes = uint64_t{64000} * 1024 / 32 * 34;
  const Placement block = PlaceWeights(plan, weights, Spec(LoadMode::kAuto));
  CHECK(block.Copies(plan.tensors[0]) == HugePagesOffered());
  CHECK(block.copied_bytes == (HugePagesOffered() ? tensor.n_bytes : 0));
  CHECK(block.beside_bytes == block.copied_bytes);
  tensor.n_bytes = uint64_t{1} << 50;  // more than any machine has to spare
  CHECK_FALSE(PlaceWeights(plan, weights, Spec(LoadMode::kAuto)).copies);
  CHECK_FALSE(PlaceWeights(plan, weights, Spec(LoadMode::kMap)).copies);
  CHECK_FALSE(PlaceWeights(plan, weights, Spec(LoadMode::kCopy)).copies);
}

TEST_CASE("copies that memory refuses are given up", "[model][placement]") {
  const std::string file = SmallModel().Builder().Build();
  const ModelFile model(file);
  // The block for all matrices is larger than any other.
  const Allocator small{
      [](void*, size_t bytes, size_t align) noexcept -> void* {
        return bytes > (size_t{256} << 10) ? nullptr : DefaultAllocator().alloc(nullptr, bytes, align);
      },
      [](void*, void* p, size_t bytes) noexcept { DefaultAllocator().free(nullptr, p, bytes); }, nullptr};
  const auto m = Loaded(Model::LoadFile(model.path(), {}, Pool(), small));
  CHECK(m->mapped_bytes() == file.size());
  CHECK(m->TernarySha256() == Loaded(Load(file))->TernarySha256());
}

TEST_CASE("the host's own memory is not copied", "[model][placement]") {
  const std::string file = SmallModel().Builder().Build();
  CHECK(Loaded(Load(file))->mapped_bytes() == file.size());
  CHECK(Loaded(Load(file, Spec(LoadMode::kCopy)))->mapped_bytes() == 0);
}

}  // namespace
}  // namespace bitnet::core
