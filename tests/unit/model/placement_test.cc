#include "core/model/placement.h"

#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "core/base/system_info.h"
#include "core/model/weight_arena.h"
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

// For matrices of a few megabytes.
bool CopiesHere() { return HugePagesOffered() && SpareMemory() > uint64_t{64} << 20; }

// `file` in all modes: the same values, and by kAuto `copied` bytes less in the mapping where huge pages are offered.
void CheckModes(const std::string& file, uint64_t (*copied)(const Model&), LoadSpec spec = {}) {
  const ModelFile model(file);
  spec.mode = LoadMode::kMap;
  const auto mapped = Loaded(LoadPath(model.path(), spec));
  CHECK(mapped->mapped_bytes() < file.size());  // without norms, which are copied always
  spec.mode = LoadMode::kCopy;
  const auto whole = Loaded(LoadPath(model.path(), spec));
  CHECK(whole->mapped_bytes() == 0);
  CHECK(whole->buffer_bytes() >= file.size());
  spec.mode = LoadMode::kAuto;
  const auto chosen = Loaded(LoadPath(model.path(), spec));
  if (!CopiesHere()) bitnet_test::NoteSkipped("huge pages, or memory to spare");
  const uint64_t expected = CopiesHere() ? copied(*mapped) : 0;
  CHECK(chosen->mapped_bytes() == mapped->mapped_bytes() - expected);
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
  SECTION("dense linears that are not ternary stay in the file") {
    GgufBuilder b = SmallModel().Builder();
    GgufBuilder::Tensor& down = *b.FindTensor("blk.1.ffn_down.weight");
    std::vector<uint16_t> values(512 * 256);
    for (size_t i = 0; i < values.size(); ++i) values[i] = kernels::F32ToF16(static_cast<float>(i % 7));
    down.type = 1;
    down.data = test::BytesOf(values);
    LoadSpec spec;
    spec.allow_dense_linears = true;
    CheckModes(
        b.Build(),
        [](const Model& m) {
          return LinearBytes(m) + TensorBytes(m, "token_embd.weight") - TensorBytes(m, "blk.1.ffn_down.weight");
        },
        spec);
  }
}

TEST_CASE("a large 16-bit head stays in the file: sessions read a copy of half its size", "[model][placement]") {
  Weights weights;
  weights.token_embd.rows = 64000;
  weights.token_embd.cols = 1024;
  GgufTensor tensor;
  tensor.offset = 4096;
  tensor.type = QuantType::kF16;
  tensor.n_bytes = uint64_t{64000} * 1024 * 2;
  TensorPlan plan;
  PlannedTensor table;
  table.role = PlannedTensor::Role::kTable;
  table.tensor = &tensor;
  table.matrix = &weights.token_embd;
  plan.tensors.push_back(table);
  CHECK_FALSE(PlaceWeights(plan, weights, Spec(LoadMode::kAuto)).Copies(plan.tensors[0], {}));
  tensor.type = QuantType::kQ8_0;
  tensor.n_bytes = uint64_t{64000} * 1024 / 32 * 34;
  const Placement block = PlaceWeights(plan, weights, Spec(LoadMode::kAuto));
  const bool copies = HugePagesOffered() && SpareMemory() >= 2 * tensor.n_bytes;
  CHECK(block.Copies(plan.tensors[0], {}) == copies);
  CHECK(block.replaced_bytes == (copies ? tensor.n_bytes : 0));
  CHECK(block.arena_bytes == block.replaced_bytes);
  tensor.n_bytes = uint64_t{1} << 50;  // more than any machine has to spare
  CHECK_FALSE(PlaceWeights(plan, weights, Spec(LoadMode::kAuto)).copies);
  CHECK_FALSE(PlaceWeights(plan, weights, Spec(LoadMode::kMap)).copies);
  CHECK_FALSE(PlaceWeights(plan, weights, Spec(LoadMode::kCopy)).copies);
}

TEST_CASE("copies that memory refuses are given up", "[model][placement]") {
  GgufBuilder b = SmallModel().Builder();
  b.Add({"not.of.the.graph", {32}, 0, std::string(128, '\0')});
  const std::string file = b.Build();
  const ModelFile model(file);
  // The block for all matrices is larger than any other.
  const Allocator small{
      [](void*, size_t bytes, size_t align) noexcept -> void* {
        return bytes > (size_t{256} << 10) ? nullptr : DefaultAllocator().alloc(nullptr, bytes, align);
      },
      [](void*, void* p, size_t bytes) noexcept { DefaultAllocator().free(nullptr, p, bytes); }, nullptr};
  const auto mapped = Loaded(LoadPath(model.path(), Spec(LoadMode::kMap)));
  LoadSpec spec = Spec(LoadMode::kAuto);
  std::vector<std::string> warnings;
  spec.warn = [&](std::string_view line) { warnings.emplace_back(line); };
  const auto m = Loaded(Model::LoadFile(model.path(), spec, Pool(), small));
  CHECK(warnings.size() == 1);  // though the file was read twice
  CHECK(m->mapped_bytes() == mapped->mapped_bytes());
  CHECK(m->TernarySha256() == mapped->TernarySha256());
}

TEST_CASE("a block that the model takes over is its own, the host's memory is not", "[model][placement]") {
  const std::string file = SmallModel().Builder().Build();
  const auto host = Loaded(Load(file, Spec(LoadMode::kAuto)));
  CHECK(host->mapped_bytes() > LinearBytes(*host));
  CHECK(Loaded(Load(file, Spec(LoadMode::kCopy)))->mapped_bytes() == 0);
  Buffer block = *Buffer::Allocate(DefaultAllocator(), file.size());
  std::copy(file.begin(), file.end(), block.as<char>());
  const auto own = Loaded(Model::LoadBuffer(std::move(block), {}, Pool(), DefaultAllocator()));
  CHECK(own->mapped_bytes() == 0);
  CHECK(own->buffer_bytes() == host->buffer_bytes() + file.size());
  CHECK(own->TernarySha256() == host->TernarySha256());
}

// So a file that is refused early has not cost the memory of all of it.
TEST_CASE("blocks for matrices follow what is loaded", "[model][placement]") {
  std::vector<Buffer> blocks;
  WeightArena arena(DefaultAllocator(), Pool(), blocks);
  constexpr size_t kBlock = size_t{64} << 20;
  arena.Expect(uint64_t{1} << 50);
  std::byte* const first = *arena.Allocate(100);
  std::byte* const second = *arena.Allocate(64);
  CHECK(reinterpret_cast<uintptr_t>(first) % 64 == 0);
  CHECK(second == first + 128);
  REQUIRE(blocks.size() == 1);
  CHECK(blocks[0].size() == kBlock);
  REQUIRE(arena.Allocate(kBlock).ok());  // does not fit what is left
  REQUIRE(blocks.size() == 2);
  CHECK(blocks[1].size() == kBlock);
  REQUIRE(arena.Allocate(64).ok());
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[2].size() == kBlock + 192);  // all that was given before
  WeightArena exact(DefaultAllocator(), Pool(), blocks);
  exact.Expect(1000 * 64);
  REQUIRE(exact.Allocate(999 * 64).ok());
  REQUIRE(exact.Allocate(1).ok());
  REQUIRE(blocks.size() == 4);
  CHECK(blocks[3].size() == 1000 * 64);
  REQUIRE(exact.Allocate(65).ok());  // more than was expected
  CHECK(blocks[4].size() == 128);
  WeightArena too_much(DefaultAllocator(), Pool(), blocks);
  CHECK(too_much.Allocate(PTRDIFF_MAX).status().code() == Code::kNoMemory);
}

}  // namespace
}  // namespace bitnet::core
