// Loading in every way, and what is known of files, models and tokenizers.
#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <set>

#include "support/host.h"

namespace bitnet::test {
namespace {

std::vector<std::byte> TinyBytes() {
  size_t n = 0;
  const auto* data = static_cast<const std::byte*>(bitnet_tiny_model(&n));
  return {data, data + n};
}

std::string Digest(const ModelPtr& model) {
  const SessionPtr session = MakeSession(model);
  Generate(session.get(), {1531, 402, 456}, 8);
  return LogitsSha256(session);
}

std::string MetadataText(const bitnet_file_t* file, const char* key) {
  size_t n = 0;
  BN_OK(bitnet_file_metadata_text(file, key, nullptr, 0, &n));
  std::string text(n, '\0');
  BN_OK(bitnet_file_metadata_text(file, key, text.data(), n, &n));
  text.resize(n - 1);
  return text;
}

struct Source {
  std::vector<std::byte> bytes;
  uint64_t fail_at = UINT64_MAX;
};

int32_t ReadSource(uint64_t offset, void* buf, size_t n, void* user_data) {
  const auto* source = static_cast<const Source*>(user_data);
  if (offset + n > source->bytes.size() || offset + n > source->fail_at) return 1;
  std::memcpy(buf, source->bytes.data() + offset, n);
  return 0;
}

TEST_CASE("a model loads from a path, from memory, from a copy and from a read callback, with equal digests",
          "[capi][model]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr embedded = LoadTiny(engine);
  const std::string want = Digest(embedded);

  bitnet_model_options_t copy = BITNET_MODEL_OPTIONS_INIT;
  copy.mode = BITNET_LOAD_COPY;
  copy.verify = 1;
  bitnet_model_t* raw = nullptr;
  BN_OK(bitnet_model_load(engine.get(), BITNET_TINY_MODEL, nullptr, &raw));
  const ModelPtr mapped(raw);
  CHECK(Digest(mapped) == want);
  BN_OK(bitnet_model_load(engine.get(), BITNET_TINY_MODEL, &copy, &raw));
  const ModelPtr copied(raw);
  CHECK(Digest(copied) == want);

  Source source{TinyBytes()};
  BN_OK(bitnet_model_load_memory(engine.get(), source.bytes.data(), source.bytes.size(), &copy, &raw));
  const ModelPtr from_copy(raw);
  BN_OK(bitnet_model_load_callback(engine.get(), ReadSource, &source, source.bytes.size(), nullptr, &raw));
  const ModelPtr from_callback(raw);
  std::fill(source.bytes.begin(), source.bytes.end(), std::byte{0xEE});  // neither needs the bytes any longer
  CHECK(Digest(from_copy) == want);
  CHECK(Digest(from_callback) == want);

  bitnet_model_info_t info = BITNET_MODEL_INFO_INIT;
  BN_OK(bitnet_model_info(mapped.get(), &info));
  CHECK(std::string(info.path) == BITNET_TINY_MODEL);
  BN_OK(bitnet_model_info(from_callback.get(), &info));
  CHECK(std::string(info.path).empty());
}

TEST_CASE("an engine freed in a callback of a load stays alive as long as needed", "[capi][model]") {
  EnginePtr engine = MakeEngine();
  bitnet_model_options_t options = BITNET_MODEL_OPTIONS_INIT;
  options.progress = [](uint64_t, uint64_t, void* user_data) -> int32_t {
    static_cast<EnginePtr*>(user_data)->reset();
    return 0;
  };
  options.progress_user_data = &engine;
  const std::vector<std::byte> bytes = TinyBytes();
  bitnet_model_t* raw = nullptr;
  BN_OK(bitnet_model_load_memory(engine.get(), bytes.data(), bytes.size(), &options, &raw));
  const ModelPtr model(raw);
  CHECK(engine == nullptr);
  CHECK(Digest(model).size() == 64);
}

TEST_CASE("a read that fails, a progress that cancels and bytes that are no model end the load", "[capi][model]") {
  const EnginePtr engine = MakeEngine();
  Source source{TinyBytes(), 2000000 / 2};
  bitnet_model_t* raw = nullptr;
  BN_FAILS(BITNET_E_IO,
           bitnet_model_load_callback(engine.get(), ReadSource, &source, source.bytes.size(), nullptr, &raw));

  // Sizes that would wrap in an allocator's rounding are refused before anything is read.
  for (const uint64_t n : {UINT64_MAX, UINT64_MAX - 62, uint64_t{1} << 63}) {
    BN_FAILS(BITNET_E_NO_MEMORY, bitnet_model_load_callback(engine.get(), ReadSource, &source, n, nullptr, &raw));
  }

  bitnet_model_options_t options = BITNET_MODEL_OPTIONS_INIT;
  uint64_t calls = 0;
  options.progress = [](uint64_t done, uint64_t total, void* user_data) -> int32_t {
    CHECK(done <= total);
    ++*static_cast<uint64_t*>(user_data);
    return 0;
  };
  options.progress_user_data = &calls;
  LoadTiny(engine, &options);
  CHECK(calls > 0);
  options.progress = [](uint64_t, uint64_t, void*) -> int32_t { return 1; };
  BN_FAILS(BITNET_E_CANCELLED, bitnet_model_load(engine.get(), BITNET_TINY_MODEL, &options, &raw));

  BN_FAILS(BITNET_E_BAD_FORMAT, bitnet_model_load_memory(engine.get(), "not a model", 11, nullptr, &raw));
  BN_FAILS(BITNET_E_BAD_FORMAT, bitnet_model_load_memory(engine.get(), "", 0, nullptr, &raw));
  BN_FAILS(BITNET_E_NOT_FOUND, bitnet_model_load(engine.get(), "/no/such/model.gguf", nullptr, &raw));
  CHECK(raw == nullptr);
}

TEST_CASE("cut and damaged models are refused without a crash", "[capi][model]") {
  const EnginePtr engine = MakeEngine();
  const std::vector<std::byte> good = TinyBytes();
  bitnet_model_t* raw = nullptr;
  for (size_t cut = 1; cut < good.size(); cut = cut * 5 / 3 + 1) {
    const std::vector<std::byte> bytes(good.begin(), good.begin() + static_cast<ptrdiff_t>(cut));
    CHECK(bitnet_model_load_memory(engine.get(), bytes.data(), bytes.size(), nullptr, &raw) != BITNET_OK);
    CHECK(raw == nullptr);
  }
  // A damaged header byte: refused, or a model that still runs.
  size_t n_refused = 0;
  for (size_t at = 0; at < 4000; at += 61) {
    std::vector<std::byte> bytes = good;
    bytes[at] ^= std::byte{0xFF};
    if (bitnet_model_load_memory(engine.get(), bytes.data(), bytes.size(), nullptr, &raw) != BITNET_OK) {
      CHECK(raw == nullptr);
      ++n_refused;
    } else {
      bitnet_model_free(raw);
    }
  }
  CHECK(n_refused > 0);
}

TEST_CASE("model facts, metadata, tensors and digests", "[capi][model]") {
  const EnginePtr engine = MakeEngine();
  const ModelPtr model = LoadTiny(engine);
  bitnet_model_info_t info = BITNET_MODEL_INFO_INIT;
  BN_OK(bitnet_model_info(model.get(), &info));
  CHECK(std::string(info.architecture) == "bitnet-b1.58");
  CHECK(std::string(info.quantization) == "I2_S");
  CHECK(std::string(info.name) == MetadataText(bitnet_model_file(model.get()), "general.name"));
  CHECK(info.n_layers == 6);
  CHECK(info.n_embd == 256);
  CHECK(info.n_ff == 768);
  CHECK(info.n_heads == 4);
  CHECK(info.n_heads_kv == 2);
  CHECK(info.head_dim == 64);
  CHECK(info.n_vocab == 1536);
  CHECK(info.n_ctx_train == 512);
  CHECK(info.rope_base == 10000.0f);
  CHECK(info.norm_eps == 1e-5f);
  CHECK(info.tied_head == 1);
  CHECK(info.sub_norms == 1);
  CHECK(info.n_params > 5000000);
  CHECK(info.size_bytes == TinyBytes().size());

  bitnet_file_t* raw = nullptr;
  BN_OK(bitnet_file_open(BITNET_TINY_MODEL, &raw));
  const FilePtr opened(raw);
  const std::vector<std::byte> bytes = TinyBytes();
  BN_OK(bitnet_file_open_memory(bytes.data(), bytes.size(), &raw));
  const FilePtr in_memory(raw);
  for (const bitnet_file_t* file : {bitnet_model_file(model.get()), static_cast<const bitnet_file_t*>(opened.get()),
                                    static_cast<const bitnet_file_t*>(in_memory.get())}) {
    bitnet_file_info_t f = BITNET_FILE_INFO_INIT;
    BN_OK(bitnet_file_info(file, &f));
    CHECK(f.size_bytes == bytes.size());
    CHECK(f.alignment == 32);
    REQUIRE(f.n_tensors > 60);
    std::set<std::string> keys;
    for (size_t i = 0; i < f.n_metadata; ++i) {
      bitnet_metadata_t m = BITNET_METADATA_INIT;
      BN_OK(bitnet_file_metadata(file, i, &m));
      CHECK(keys.insert(m.key).second);
      CHECK(m.offset < f.data_offset);
      CHECK((std::string(m.type) == "array") == !std::string(m.element_type).empty());
      if (std::string(m.type) == "array") {
        const std::string text = MetadataText(file, m.key);
        CHECK(text.front() == '[');
        CHECK(text.back() == ']');
      }
    }
    CHECK(keys.count("general.architecture") == 1);
    CHECK(MetadataText(file, "general.architecture") == "bitnet-b1.58");
    CHECK(MetadataText(file, "bitnet-b1.58.block_count") == "6");
    uint64_t end = f.data_offset;
    for (size_t i = 0; i < f.n_tensors; ++i) {
      bitnet_tensor_t t = BITNET_TENSOR_INIT;
      BN_OK(bitnet_file_tensor(file, i, &t));
      end = std::max(end, t.offset + t.n_bytes);
      if (std::string(t.name) == "blk.0.ffn_down.weight") {
        CHECK(std::string(t.type) == "I2_S");
        CHECK(t.n_dims == 2);
        CHECK(t.shape[0] == 256);  // [rows, cols] = [out, in]
        CHECK(t.shape[1] == 768);
        CHECK(t.shape[2] == 1);
      }
    }
    CHECK(end <= bytes.size());
    bitnet_metadata_t m = BITNET_METADATA_INIT;
    bitnet_tensor_t t = BITNET_TENSOR_INIT;
    size_t n = 0;
    char small[4];
    BN_FAILS(BITNET_E_NOT_FOUND, bitnet_file_metadata(file, f.n_metadata, &m));
    BN_FAILS(BITNET_E_NOT_FOUND, bitnet_file_tensor(file, f.n_tensors, &t));
    BN_FAILS(BITNET_E_NOT_FOUND, bitnet_file_metadata_text(file, "no.such.key", nullptr, 0, &n));
    BN_FAILS(BITNET_E_BUFFER_TOO_SMALL, bitnet_file_metadata_text(file, "general.architecture", small, 4, &n));
    CHECK(n == 13);

    char hex[BITNET_SHA256_HEX_SIZE];
    BN_OK(bitnet_file_sha256(file, hex));
    CHECK(std::string(hex) == "3886669659665a8bd5d3b7e2475da19028325ddf7de93c843032383364c96ded");

    bitnet_memory_t memory = BITNET_MEMORY_INIT;
    BN_OK(bitnet_file_memory(file, engine.get(), nullptr, nullptr, &memory));
    CHECK(memory.n_ctx == 512);
    CHECK(memory.mapped_bytes + memory.weight_bytes >= bytes.size());  // where weights go depends on the machine
    CHECK(memory.cache_bytes >= 2ull * 6 * 512 * 128 * 2);  // keys and values, layers, positions, kv width, f16
    bitnet_session_options_t session_options = BITNET_SESSION_OPTIONS_INIT;
    session_options.n_ctx = 256;
    session_options.kv_type = BITNET_KV_F32;
    bitnet_model_options_t model_options = BITNET_MODEL_OPTIONS_INIT;
    bitnet_memory_t other = BITNET_MEMORY_INIT;
    model_options.mode = BITNET_LOAD_MAP;
    BN_OK(bitnet_file_memory(file, engine.get(), &model_options, nullptr, &other));
    CHECK(other.mapped_bytes < bytes.size());  // without norms, which are copied always
    CHECK(other.mapped_bytes > bytes.size() / 10 * 9);
    model_options.mode = BITNET_LOAD_COPY;
    BN_OK(bitnet_file_memory(file, engine.get(), &model_options, &session_options, &other));
    CHECK(other.n_ctx == 256);
    CHECK(other.mapped_bytes == 0);
    CHECK(other.weight_bytes >= bytes.size());
    CHECK(other.cache_bytes == memory.cache_bytes);  // half the positions, twice the bytes
  }

  char codes[BITNET_SHA256_HEX_SIZE], scales[BITNET_SHA256_HEX_SIZE];
  BN_OK(bitnet_model_ternary_sha256(model.get(), codes));
  BN_OK(bitnet_model_ternary_scales_sha256(model.get(), scales));
  CHECK(std::string(codes).find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(std::string(codes).size() == 64);
  CHECK(std::string(codes) != scales);
}

struct Meter {
  size_t now = 0, peak = 0, blocks = 0;
};

TEST_CASE("the injected allocator serves weights, caches and scratch, as estimated, and gets all back",
          "[capi][model]") {
  Meter meter;
  bitnet_allocator_t allocator = BITNET_ALLOCATOR_INIT;
  allocator.alloc = [](void* user_data, size_t n, size_t alignment) -> void* {
    auto* m = static_cast<Meter*>(user_data);
    CHECK((alignment & (alignment - 1)) == 0);
    m->now += n;
    m->peak = std::max(m->peak, m->now);
    ++m->blocks;
    return ::operator new(n, std::align_val_t(alignment));
  };
  allocator.free = [](void* user_data, void* p, size_t n) {
    auto* m = static_cast<Meter*>(user_data);
    m->now -= n;
    --m->blocks;
    ::operator delete(p, std::align_val_t(64));
  };
  allocator.user_data = &meter;
  bitnet_engine_options_t options = BITNET_ENGINE_OPTIONS_INIT;
  options.threads = 1;
  options.allocator = &allocator;
  bitnet_engine_t* raw = nullptr;
  BN_OK(bitnet_engine_create(&options, &raw));
  EnginePtr engine(raw);
  allocator = bitnet_allocator_t{};  // was copied

  bitnet_memory_t memory = BITNET_MEMORY_INIT;
  ModelPtr model = LoadTiny(engine);
  BN_OK(bitnet_file_memory(bitnet_model_file(model.get()), engine.get(), nullptr, nullptr, &memory));
  const size_t weights = meter.now;
  CHECK(weights > 0);
  CHECK(weights <= memory.weight_bytes + (256 << 10));  // norms are allocated in blocks of that size
  SessionPtr session = MakeSession(model);
  const size_t with_session = meter.now;
  CHECK(with_session - weights > memory.cache_bytes / 2);
  CHECK(with_session - weights <= memory.cache_bytes + memory.scratch_bytes + 65536);
  Generate(session.get(), {1531}, 4);
  engine.reset();
  model.reset();
  CHECK(meter.now > 0);
  session.reset();
  CHECK(meter.now == 0);
  CHECK(meter.blocks == 0);
}

TEST_CASE("an allocator needs both functions", "[capi][model]") {
  bitnet_allocator_t allocator = BITNET_ALLOCATOR_INIT;
  allocator.free = [](void*, void*, size_t) {};
  bitnet_engine_options_t options = BITNET_ENGINE_OPTIONS_INIT;
  options.allocator = &allocator;
  bitnet_engine_t* engine = nullptr;
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_engine_create(&options, &engine));
}

}  // namespace
}  // namespace bitnet::test
