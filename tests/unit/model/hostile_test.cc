// Malformed files: an error that names the defect, no crash, no allocation beyond the bound.
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <utility>

#include "core/base/json_reader.h"
#include "support/allocation_counter.h"
#include "support/small_model.h"
#include "unit/model/load_helpers.h"

namespace bitnet::core {
namespace {

namespace fs = std::filesystem;
using test::Bytes;
using test::GgufBuilder;
using test::SmallModel;

// What loading may hold beside the file's own size, before it has accepted the tensors.
constexpr size_t kAllowance = size_t{64} << 20;

const std::string kHostile = std::string(BITNET_TEST_UNPACKED) + "/hostile/";

LoadSpec Verifying() {
  LoadSpec spec;
  spec.verify = true;
  return spec;
}

std::string ReadAll(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE(in.good());
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

// `name` may end in * for any ending, or be * alone.
bool Names(const Status& status, std::string_view name) {
  if (name.ends_with('*')) name.remove_suffix(1);
  return status.what().find(name) != std::string_view::npos || status.message().find(name) != std::string_view::npos;
}

struct Case {
  std::string file;
  bool must_load;
  std::vector<std::string> names;
};

std::vector<Case> Manifest() {
  const auto json = ParseJson(ReadAll(kHostile + "manifest.json"));
  REQUIRE(json.ok());
  std::vector<Case> out;
  for (const JsonValue& entry : json->array) {
    const JsonValue* stored = entry.Find("stored");
    if (entry.Find("kind")->string != "gguf" || (stored != nullptr && !stored->boolean)) continue;
    Case c{entry.Find("file")->string, entry.Find("expect")->string == "ok", {entry.Find("field")->string}};
    if (const JsonValue* also = entry.Find("also")) {
      for (const JsonValue& name : also->array) c.names.push_back(name.string);
    }
    out.push_back(std::move(c));
  }
  return out;
}

TEST_CASE("every hostile file is refused by the name of its defect, every control loads", "[model][hostile]") {
  const std::vector<Case> cases = Manifest();
  REQUIRE(cases.size() == 229);
  Pool();
  for (const Case& c : cases) {
    const size_t size = fs::file_size(kHostile + c.file);
    const size_t before = test::LiveBytes();
    test::ResetPeak();
    const LoadedModel result = LoadPath(kHostile + c.file, Verifying());
    INFO(c.file << ": " << result.status().message());
    CHECK(result.ok() == c.must_load);
    if (!result.ok())
      CHECK(std::any_of(c.names.begin(), c.names.end(), [&](const auto& n) { return Names(result.status(), n); }));
    CHECK(test::PeakBytes() - before <= size + kAllowance);
  }
}

TEST_CASE("the allocation counter sees what is allocated", "[model][hostile]") {
  const size_t before = test::LiveBytes();
  test::ResetPeak();
  {
    const std::vector<char> block(1 << 20);
    asm volatile("" : : "r"(block.data()) : "memory");  // a compiler may leave out an allocation that nobody sees
  }
  CHECK(test::PeakBytes() - before >= size_t{1} << 20);
  CHECK(test::LiveBytes() == before);
  const std::string file = SmallModel().Builder().Build();
  test::ResetPeak();
  Loaded(Load(file));
  CHECK(test::PeakBytes() > test::LiveBytes());
}

TEST_CASE("a small model cut anywhere is an error", "[model][hostile]") {
  const std::string file = ReadAll(kHostile + "gguf/valid_compact.gguf");
  const size_t header = Gguf::Parse(AsBytes(file))->data_offset();
  size_t n_cut = 0;
  for (size_t n = 0; n < file.size(); n += n < header ? 1 : 997) {
    const LoadedModel r = Model::LoadMemory(AsBytes(file).first(n), Verifying(), Pool(), DefaultAllocator());
    if (r.ok() || r.status().code() != Code::kBadFormat || r.status().message().empty()) FAIL("cut at " << n);
    ++n_cut;
  }
  CHECK(n_cut > header);
}

TEST_CASE("the tiny model cut at every 97th byte is an error", "[model][hostile]") {
  const std::string file = ReadAll(BITNET_TINY_MODEL);
  size_t n_cut = 0;
  for (size_t n = 0; n < file.size(); n += 97) {
    const LoadedModel r = Model::LoadMemory(AsBytes(file).first(n), Verifying(), Pool(), DefaultAllocator());
    if (r.ok() || r.status().message().empty()) FAIL("cut at " << n);
    ++n_cut;
  }
  CHECK(n_cut == (file.size() + 96) / 97);
}

TEST_CASE("ten thousand flipped bytes of headers give an error or a model", "[model][hostile]") {
  std::mt19937 random(20240229);
  size_t n_loaded = 0, n_refused = 0;
  for (const char* name : {"gguf/valid_compact.gguf", "gguf/valid_spm.gguf"}) {
    const std::string good = ReadAll(kHostile + name);
    const size_t header = Gguf::Parse(AsBytes(good))->data_offset();
    std::string file = good;
    for (int i = 0; i < 5000; ++i) {
      const size_t at = random() % header;
      file[at] = static_cast<char>(random());
      const LoadedModel r = Load(file, Verifying());
      if (!r.ok() && r.status().message().empty()) FAIL("no message at " << at);
      ++(r.ok() ? n_loaded : n_refused);
      file[at] = good[at];
    }
  }
  CHECK(n_loaded + n_refused == 10000);
  CHECK(n_refused > 5000);
  CHECK(n_loaded > 500);  // names and other free text
}

TEST_CASE("flipped bytes anywhere give an error or a model", "[model][hostile]") {
  SmallModel small;
  small.layers = 1;
  small.ternary = GENERATE(test::TernaryFile::kTQ1_0, test::TernaryFile::kIQ2_BN_R4, test::TernaryFile::kTQ2_0,
                           test::TernaryFile::kQ1_0, test::TernaryFile::kQ2_0);
  const std::string good = small.Builder().Build();
  std::string file = good;
  std::mt19937 random(7);
  size_t n_refused = 0;
  for (int i = 0; i < 300; ++i) {
    const size_t at = random() % good.size();
    file[at] = static_cast<char>(random());
    n_refused += Load(file, Verifying()).ok() ? 0 : 1;
    file[at] = good[at];
  }
  CHECK(n_refused < 300);
  CHECK(n_refused > 0);
}

// A table and a head in block types, a linear of each kind that is not stored as ternary.
std::string FileOfManyTypes() {
  SmallModel small;
  small.layers = 1;
  small.ternary = test::TernaryFile::kQ2_0;
  GgufBuilder b = small.Builder();
  const auto set = [&](const std::string& name, uint32_t type, size_t n_bytes) {
    GgufBuilder::Tensor& t = *b.FindTensor(name);
    t.type = type;
    t.data.assign(n_bytes, '\x21');
  };
  set("token_embd.weight", 12, SmallModel::kVocab * 144);
  b.Add({"output.weight", {256, SmallModel::kVocab}, 10, std::string(SmallModel::kVocab * 84, '\x21')});
  set("blk.0.attn_q.weight", 1, 256 * 256 * 2);  // F16, all one value
  set("blk.0.attn_k.weight", 11, 128 * 110);     // Q3_K
  set("blk.0.attn_v.weight", 7, 128 * 8 * 24);   // Q5_1
  return b.Build();
}

TEST_CASE("a file of many types, cut short or changed anywhere, gives an error or a model", "[model][hostile]") {
  const std::string good = FileOfManyTypes();
  LoadSpec spec = Verifying();
  spec.allow_dense_linears = true;
  CHECK(Loaded(Load(good, spec))->n_dense_linears() == 2);
  const size_t header = Gguf::Parse(AsBytes(good))->data_offset();
  // Every byte of the header, every 127th of the data.
  size_t n_cut = 0;
  for (size_t n = 0; n < good.size() - 31; n += n < header ? 1 : 127) {
    const std::string cut(good, 0, n);  // a copy, so that a read beyond its end is found
    if (Load(cut, spec).ok()) FAIL("a file of " << n << " bytes of " << good.size());
    ++n_cut;
  }
  CHECK(n_cut > header + 1000);
  std::string file = good;
  std::mt19937 random(8);
  size_t n_refused = 0;
  for (int i = 0; i < 2000; ++i) {
    const size_t at = random() % (i % 2 == 0 ? header : good.size());
    file[at] = static_cast<char>(random());
    const LoadedModel r = Load(file, spec);
    if (!r.ok() && r.status().message().empty()) FAIL("no message at " << at);
    n_refused += r.ok() ? 0 : 1;
    file[at] = good[at];
  }
  CHECK(n_refused > 500);
  CHECK(n_refused < 2000);
}

TEST_CASE("a path that is no file is refused", "[model][hostile]") {
  for (const LoadMode mode : {LoadMode::kAuto, LoadMode::kMap, LoadMode::kCopy}) {
    LoadSpec spec;
    spec.mode = mode;
    CheckRefused(LoadPath(kHostile, spec), Code::kNotFound, "path", "directory");
    CheckRefused(LoadPath("/dev/zero", spec), Code::kIo, "path", "device");
    CheckRefused(LoadPath(kHostile + "absent", spec), Code::kNotFound, "path");
  }
}

// A file of `size` bytes, nearly all of them a hole; removed when it goes. None where the file system refuses.
class SparseFile {
 public:
  SparseFile(const std::string& start, uint64_t size) {
    std::string pattern = (fs::temp_directory_path() / "bitnet_sparse.XXXXXX").string();
    const int fd = ::mkstemp(pattern.data());
    REQUIRE(fd >= 0);
    path_ = pattern;
    made_ = ::write(fd, start.data(), start.size()) == static_cast<ssize_t>(start.size()) &&
            ::ftruncate(fd, static_cast<off_t>(size)) == 0;
    ::close(fd);
  }
  ~SparseFile() { std::remove(path_.c_str()); }
  bool made() const { return made_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
};

TEST_CASE("a terabyte of trailing holes is not read", "[model][hostile]") {
  const SparseFile file(ReadAll(kHostile + "gguf/valid_base.gguf"), uint64_t{1} << 40);
  if (!file.made()) BN_SKIP("a file system with sparse files of 1 TiB");
  const size_t before = test::LiveBytes();
  test::ResetPeak();
  const auto m = Loaded(LoadPath(file.path(), Verifying()));
  CHECK(m->size_bytes() == uint64_t{1} << 40);
  CHECK(test::PeakBytes() - before <= kAllowance);
}

TEST_CASE("an embedding of terabytes that the vocabulary does not have is refused before it is read",
          "[model][hostile]") {
  GgufBuilder b = SmallModel().Builder();
  const std::string small = b.Build();
  // The table goes to the end of the file with 2^33 rows, so that everything fits.
  const std::string name = "token_embd.weight";
  std::string start = small;
  const size_t info = start.find(name) + name.size();
  const uint64_t data_offset = Gguf::Parse(AsBytes(small))->data_offset();
  const uint64_t offset = (small.size() - data_offset + 31) / 32 * 32;
  start.replace(info + 12, 8, Bytes(uint64_t{1} << 33));
  start.replace(info + 24, 8, Bytes(offset));
  const SparseFile file(start, data_offset + offset + (uint64_t{256} << 33) * 2);
  if (!file.made()) BN_SKIP("a file system with sparse files of 4 TiB");
  const size_t before = test::LiveBytes();
  test::ResetPeak();
  CheckRefused(LoadPath(file.path(), Verifying()), Code::kBadFormat, name, "8589934592");
  CHECK(test::PeakBytes() - before <= kAllowance);
}

TEST_CASE("a token of two gigabytes is refused by its length", "[model][hostile]") {
  const uint64_t length = (uint64_t{1} << 31) + 8;
  const std::string start = "GGUF" + Bytes<uint32_t>(3) + Bytes<uint64_t>(0) + Bytes<uint64_t>(1) +
                            GgufBuilder::Text("tokenizer.ggml.tokens") + Bytes<uint32_t>(9) + Bytes<uint32_t>(8) +
                            Bytes<uint64_t>(1) + Bytes(length);
  const SparseFile file(start, start.size() + length);
  if (!file.made()) BN_SKIP("a file system with sparse files of 2 GiB");
  CheckRefused(LoadPath(file.path()), Code::kLimit, "tokenizer.ggml.tokens", "string_length");
}

TEST_CASE("an array of more strings than any vocabulary has is refused by its count", "[model][hostile]") {
  const uint64_t count = uint64_t{1} << 28;
  const std::string start = "GGUF" + Bytes<uint32_t>(3) + Bytes<uint64_t>(0) + Bytes<uint64_t>(1) +
                            GgufBuilder::Text("x.y") + Bytes<uint32_t>(9) + Bytes<uint32_t>(8) + Bytes(count);
  const SparseFile file(start, start.size() + 8 * count);
  if (!file.made()) BN_SKIP("a file system with sparse files of 2 GiB");
  CheckRefused(LoadPath(file.path()), Code::kLimit, "x.y", "array_count");
}

TEST_CASE("a refused allocation at any point is a status", "[model][hostile]") {
  // Counts down, then refuses everything.
  struct Budget {
    int left;
  };
  const auto load = [&](int n) {
    Budget budget{n};
    const Allocator failing{[](void* user_data, size_t bytes, size_t align) noexcept -> void* {
                              auto* b = static_cast<Budget*>(user_data);
                              return b->left-- > 0 ? DefaultAllocator().alloc(nullptr, bytes, align) : nullptr;
                            },
                            [](void*, void* p, size_t bytes) noexcept { DefaultAllocator().free(nullptr, p, bytes); },
                            &budget};
    LoadSpec spec;
    spec.mode = LoadMode::kCopy;
    return Model::LoadFile(std::string(BITNET_TEST_UNPACKED) + "/tiny.tq1_0.gguf", spec, Pool(), failing).status();
  };
  int n = 0;
  for (Status s = load(n); !s.ok(); s = load(++n)) {
    REQUIRE(s.code() == Code::kNoMemory);
    REQUIRE(n < 1000);
  }
  CHECK(n > 3);  // the file, a block of codes, scratch, small vectors
}

}  // namespace
}  // namespace bitnet::core
