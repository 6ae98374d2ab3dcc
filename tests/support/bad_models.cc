#include "support/bad_models.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "core/format/gguf.h"

namespace bitnet::test {

namespace {

constexpr size_t kBlock = 32;  // elements of a Q8_0 or Q4_0 block

// These are bugs of a test, or its model is missing.
void Require(bool holds, const char* what) {
  if (!holds) throw std::runtime_error(what);
}

core::Gguf Parse(const std::vector<std::byte>& bytes) {
  auto gguf = core::Gguf::Parse(bytes);
  Require(gguf.ok(), "the model is no GGUF file");
  return *std::move(gguf);
}

std::vector<float> Floats(const core::GgufTensor& t) {
  Require(t.type == core::QuantType::kF32, "the norm is not F32");
  std::vector<float> x(t.n_bytes / sizeof(float));
  std::memcpy(x.data(), t.data.data(), t.n_bytes);
  return x;
}

// binary16 of a normal number, rounded to nearest even.
uint16_t ToHalf(float value) {
  if (value == 0) return 0;
  int exponent = 0;
  const float mantissa = std::frexp(std::fabs(value), &exponent);  // in [0.5, 1)
  auto bits = static_cast<uint32_t>(std::nearbyint(std::ldexp(mantissa, 11)));
  if (bits == 2048) bits = 1024, ++exponent;
  return static_cast<uint16_t>((value < 0 ? 0x8000u : 0u) | (static_cast<uint32_t>(exponent + 14) << 10) |
                               (bits & 1023u));
}

float FromHalf(uint16_t half) {
  const float magnitude = std::ldexp(static_cast<float>(1024 + (half & 1023)), ((half >> 10) & 31) - 25);
  return (half & 0x8000) != 0 ? -magnitude : half == 0 ? 0 : magnitude;
}

std::vector<uint8_t> EncodeQ8_0(const std::vector<float>& x) {
  std::vector<uint8_t> out;
  for (size_t b = 0; b < x.size(); b += kBlock) {
    float most = 0;
    for (size_t i = 0; i < kBlock; ++i) most = std::max(most, std::fabs(x[b + i]));
    const uint16_t d = ToHalf(most / 127);
    out.push_back(static_cast<uint8_t>(d & 255));
    out.push_back(static_cast<uint8_t>(d >> 8));
    for (size_t i = 0; i < kBlock; ++i) {
      const float q = d == 0 ? 0 : std::nearbyint(x[b + i] / FromHalf(d));
      out.push_back(static_cast<uint8_t>(static_cast<int8_t>(std::clamp(q, -127.0f, 127.0f))));
    }
  }
  return out;
}

std::vector<uint8_t> EncodeQ4_0(const std::vector<float>& x) {
  std::vector<uint8_t> out;
  for (size_t b = 0; b < x.size(); b += kBlock) {
    float most = 0;  // the value of largest magnitude, with its sign, becomes -8
    for (size_t i = 0; i < kBlock; ++i) most = std::fabs(x[b + i]) > std::fabs(most) ? x[b + i] : most;
    const uint16_t d = ToHalf(most / -8);
    out.push_back(static_cast<uint8_t>(d & 255));
    out.push_back(static_cast<uint8_t>(d >> 8));
    const auto code = [&](size_t i) {
      const float q = d == 0 ? 8 : std::nearbyint(x[b + i] / FromHalf(d)) + 8;
      return static_cast<uint8_t>(std::clamp(q, 0.0f, 15.0f));
    };
    for (size_t i = 0; i < kBlock / 2; ++i) out.push_back(static_cast<uint8_t>(code(i) | code(i + kBlock / 2) << 4));
  }
  return out;
}

}  // namespace

BadModel::BadModel(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  Require(in.good(), "the model cannot be read");
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  bytes_.resize(text.size());
  std::memcpy(bytes_.data(), text.data(), text.size());
}

BadModel& BadModel::ScaleNorms(const Choose& choose, float factor) {
  const core::Gguf gguf = Parse(bytes_);
  for (const core::GgufTensor& t : gguf.tensors()) {
    if (!choose(t.name)) continue;
    std::vector<float> x = Floats(t);
    for (float& v : x) v *= factor;
    std::memcpy(bytes_.data() + t.offset, x.data(), t.n_bytes);
    damaged_.emplace_back(t.name);
  }
  return *this;
}

BadModel& BadModel::QuantiseNorms(const Choose& choose, core::QuantType type) {
  const core::Gguf gguf = Parse(bytes_);
  for (const core::GgufTensor& t : gguf.tensors()) {
    if (!choose(t.name)) continue;
    const std::vector<float> x = Floats(t);
    const std::vector<uint8_t> blocks = type == core::QuantType::kQ8_0 ? EncodeQ8_0(x) : EncodeQ4_0(x);
    // The blocks are shorter than the floats: the file keeps its shape, with a gap behind them.
    std::memcpy(bytes_.data() + t.offset, blocks.data(), blocks.size());
    const size_t type_at =
        t.info_offset + sizeof(uint64_t) + t.name.size() + sizeof(uint32_t) + t.n_dims * sizeof(uint64_t);
    const auto id = static_cast<uint32_t>(type);
    std::memcpy(bytes_.data() + type_at, &id, sizeof id);
    damaged_.emplace_back(t.name);
  }
  return *this;
}

BadModel& BadModel::StoreLinear(std::string_view tensor, core::QuantType type) {
  const core::Gguf gguf = Parse(bytes_);
  const core::GgufTensor* t = gguf.FindTensor(tensor);
  Require(t != nullptr && t->type == core::QuantType::kI2_S, "no such projection");
  const size_t n = t->ne[0] * t->ne[1];
  const auto* const packed = reinterpret_cast<const uint8_t*>(t->data.data());
  float scale = 0;
  std::memcpy(&scale, packed + n / 4, sizeof scale);
  std::vector<float> w(n);
  for (size_t i = 0; i < n; ++i) {
    const unsigned code =
        packed[i / 128 * 32 + i % 32] >> (6 - i % 128 / 32 * 2) & 3;  // docs/formats.md, "I2_S, exactly"
    w[i] = static_cast<float>(static_cast<int>(code) - 1) * scale;
    if (type == core::QuantType::kQ8_0) w[i] *= 0.5f + static_cast<float>(i % t->ne[0]) / static_cast<float>(t->ne[0]);
  }
  std::vector<uint8_t> data(n * sizeof(float));
  std::memcpy(data.data(), w.data(), data.size());
  if (type == core::QuantType::kQ8_0) data = EncodeQ8_0(w);
  // The new data goes to the end of the file.
  const size_t type_at =
      t->info_offset + sizeof(uint64_t) + t->name.size() + sizeof(uint32_t) + t->n_dims * sizeof(uint64_t);
  uint64_t offset = 0;
  std::memcpy(&offset, bytes_.data() + type_at + sizeof(uint32_t), sizeof offset);
  const uint64_t data_start = t->offset - offset;
  const uint64_t end = (bytes_.size() - data_start + gguf.alignment() - 1) / gguf.alignment() * gguf.alignment();
  bytes_.resize(data_start + end + data.size());
  std::memcpy(bytes_.data() + data_start + end, data.data(), data.size());
  const auto id = static_cast<uint32_t>(type);
  std::memcpy(bytes_.data() + type_at, &id, sizeof id);
  std::memcpy(bytes_.data() + type_at + sizeof id, &end, sizeof end);
  return *this;
}

BadModel& BadModel::SetNormValue(std::string_view tensor, size_t index, float value) {
  const core::Gguf gguf = Parse(bytes_);
  const core::GgufTensor* t = gguf.FindTensor(tensor);
  Require(t != nullptr, "no such norm");
  std::memcpy(bytes_.data() + t->offset + index * sizeof(float), &value, sizeof value);
  damaged_.emplace_back(tensor);
  return *this;
}

BadModel& BadModel::TrainAttentionWith(float factor) {
  const core::Gguf gguf = Parse(bytes_);
  for (const core::GgufTensor& t : gguf.tensors()) {
    if (!t.name.ends_with(".attn_q.weight")) continue;
    Require(t.type == core::QuantType::kI2_S, "the projection is not I2_S");
    const size_t scale_at = t.offset + t.ne[0] * t.ne[1] / 4;  // docs/formats.md: the tail of the tensor
    float scale = 0;
    std::memcpy(&scale, bytes_.data() + scale_at, sizeof scale);
    scale /= factor;
    std::memcpy(bytes_.data() + scale_at, &scale, sizeof scale);
  }
  return *this;
}

void BadModel::WriteTo(const std::string& path) const {
  std::ofstream out(path, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes_.data()), static_cast<std::streamsize>(bytes_.size()));
  Require(out.good(), "the model cannot be written");
}

BadModel::Choose OfClass(std::string cls) {
  return [suffix = "." + std::move(cls) + ".weight"](std::string_view tensor) { return tensor.ends_with(suffix); };
}

BadModel::Choose Named(std::string tensor) {
  return [name = std::move(tensor)](std::string_view other) { return other == name; };
}

}  // namespace bitnet::test
