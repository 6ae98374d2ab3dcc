#include "core/format/gguf_writer.h"

#include <bit>

namespace bitnet::core {

namespace {

static_assert(std::endian::native == std::endian::little, "GGUF files are little-endian");

constexpr std::string_view kMagic = "GGUF";
constexpr uint32_t kVersion = 3;

template <typename T>
void Put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void PutText(std::string& out, std::string_view text) {
  Put(out, uint64_t{text.size()});
  out += text;
}

constexpr uint64_t Padded(uint64_t n) {
  return (n + GgufWriter::kAlignment - 1) / GgufWriter::kAlignment * GgufWriter::kAlignment;
}

}  // namespace

std::string& GgufWriter::Key(std::string_view key, GgufType type) {
  ++n_keys_;
  PutText(keys_, key);
  Put(keys_, type);
  return keys_;
}

std::string& GgufWriter::Array(std::string_view key, GgufType element, uint64_t count) {
  std::string& out = Key(key, GgufType::kArray);
  Put(out, element);
  Put(out, count);
  return out;
}

GgufWriter& GgufWriter::U32(std::string_view key, uint32_t value) {
  Put(Key(key, GgufType::kU32), value);
  return *this;
}

GgufWriter& GgufWriter::F32(std::string_view key, float value) {
  Put(Key(key, GgufType::kF32), value);
  return *this;
}

GgufWriter& GgufWriter::Bool(std::string_view key, bool value) {
  Put(Key(key, GgufType::kBool), static_cast<uint8_t>(value ? 1 : 0));
  return *this;
}

GgufWriter& GgufWriter::String(std::string_view key, std::string_view value) {
  PutText(Key(key, GgufType::kString), value);
  return *this;
}

GgufWriter& GgufWriter::Strings(std::string_view key, std::span<const std::string> values) {
  std::string& out = Array(key, GgufType::kString, values.size());
  for (const std::string& v : values) PutText(out, v);
  return *this;
}

GgufWriter& GgufWriter::Ints(std::string_view key, std::span<const int32_t> values) {
  Array(key, GgufType::kI32, values.size())
      .append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(int32_t));
  return *this;
}

GgufWriter& GgufWriter::Floats(std::string_view key, std::span<const float> values) {
  Array(key, GgufType::kF32, values.size())
      .append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  return *this;
}

GgufWriter& GgufWriter::Copy(const GgufValue& value) {
  std::string& out =
      value.type == GgufType::kArray ? Array(value.key, value.element, value.count) : Key(value.key, value.type);
  if (value.type == GgufType::kString) Put(out, uint64_t{value.raw.size()});
  out.append(reinterpret_cast<const char*>(value.raw.data()), value.raw.size());
  return *this;
}

size_t GgufWriter::AddTensor(std::string_view name, std::span<const uint64_t> ne, QuantType type) {
  const QuantTypeInfo& info = *FindQuantType(static_cast<uint32_t>(type));
  uint64_t rows = 1;
  for (const uint64_t n : ne.subspan(1)) rows *= n;
  const uint64_t n_bytes = rows * (info.row_bytes + ne[0] / info.block * info.block_bytes) + info.tensor_bytes;
  PutText(infos_, name);
  Put(infos_, static_cast<uint32_t>(ne.size()));
  for (const uint64_t n : ne) Put(infos_, n);
  Put(infos_, static_cast<uint32_t>(type));
  Put(infos_, data_bytes_);
  tensors_.push_back({data_bytes_, n_bytes});
  data_bytes_ += Padded(n_bytes);
  return tensors_.size() - 1;
}

uint64_t GgufWriter::HeaderBytes() const {
  return Padded(kMagic.size() + sizeof kVersion + 2 * sizeof(uint64_t) + keys_.size() + infos_.size());
}

std::string GgufWriter::Header() const {
  std::string out(kMagic);
  Put(out, kVersion);
  Put(out, uint64_t{tensors_.size()});
  Put(out, n_keys_);
  out += keys_;
  out += infos_;
  out.resize(HeaderBytes());
  return out;
}

}  // namespace bitnet::core
