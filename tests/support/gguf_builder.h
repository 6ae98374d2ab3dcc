// GGUF files in memory, well-formed or broken on purpose, for tests.
#ifndef BITNET_TESTS_SUPPORT_GGUF_BUILDER_H_
#define BITNET_TESTS_SUPPORT_GGUF_BUILDER_H_

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bitnet::test {

// The bytes of a value, little-endian as on every machine that runs these tests.
template <typename T>
std::string Bytes(const T& value) {
  std::string out(sizeof value, '\0');
  std::memcpy(out.data(), &value, sizeof value);
  return out;
}

// The bytes of all elements, one after the other.
template <typename T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

class GgufBuilder {
 public:
  struct Tensor {
    std::string name;
    std::vector<uint64_t> ne;  // fastest first
    uint32_t type;
    std::string data;
  };

  static std::string Text(std::string_view s) { return Bytes<uint64_t>(s.size()) + std::string(s); }

  // `value` is encoded; the type comes before it.
  GgufBuilder& Raw(std::string_view key, uint32_t type, std::string_view value) {
    pairs_.emplace_back(std::string(key), Bytes(type) + std::string(value));
    return *this;
  }
  GgufBuilder& U32(std::string_view key, uint32_t v) { return Raw(key, 4, Bytes(v)); }
  GgufBuilder& F32(std::string_view key, float v) { return Raw(key, 6, Bytes(v)); }
  GgufBuilder& Bool(std::string_view key, bool v) { return Raw(key, 7, Bytes<uint8_t>(v ? 1 : 0)); }
  GgufBuilder& String(std::string_view key, std::string_view v) { return Raw(key, 8, Text(v)); }
  GgufBuilder& Strings(std::string_view key, const std::vector<std::string>& v) {
    std::string out = Bytes<uint32_t>(8) + Bytes<uint64_t>(v.size());
    for (const std::string& s : v) out += Text(s);
    return Raw(key, 9, out);
  }
  GgufBuilder& Ints(std::string_view key, const std::vector<int32_t>& v) {
    return Raw(key, 9, Bytes<uint32_t>(5) + Bytes<uint64_t>(v.size()) + BytesOf(v));
  }
  GgufBuilder& Add(Tensor tensor) {
    tensors_.push_back(std::move(tensor));
    return *this;
  }

  // For changes of single entries: the first of that name.
  Tensor* FindTensor(std::string_view name) {
    for (Tensor& t : tensors_) {
      if (t.name == name) return &t;
    }
    return nullptr;
  }
  void RemoveKey(std::string_view key) {
    std::erase_if(pairs_, [&](const auto& p) { return p.first == key; });
  }

  std::string Build(uint64_t alignment = 32) const {
    std::string head = "GGUF" + Bytes<uint32_t>(3) + Bytes<uint64_t>(tensors_.size()) + Bytes<uint64_t>(pairs_.size());
    for (const auto& [key, value] : pairs_) head += Text(key) + value;
    uint64_t offset = 0;
    for (const Tensor& t : tensors_) {
      head += Text(t.name) + Bytes(static_cast<uint32_t>(t.ne.size())) + BytesOf(t.ne) + Bytes(t.type) + Bytes(offset);
      offset += Padded(t.data.size(), alignment);
    }
    head.resize(Padded(head.size(), alignment));
    for (const Tensor& t : tensors_) {
      head += t.data;
      head.resize(Padded(head.size(), alignment));
    }
    return head;
  }

 private:
  static uint64_t Padded(uint64_t n, uint64_t alignment) { return (n + alignment - 1) / alignment * alignment; }

  std::vector<std::pair<std::string, std::string>> pairs_;
  std::vector<Tensor> tensors_;
};

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_GGUF_BUILDER_H_
