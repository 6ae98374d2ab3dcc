// The fields of a message in Protocol Buffers' wire format, one after the other; nothing is read past the end.
#ifndef BITNET_CORE_TOKENIZER_PROTO_READER_H_
#define BITNET_CORE_TOKENIZER_PROTO_READER_H_

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace bitnet::core {

struct ProtoField {
  enum Kind : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };
  uint64_t number = 0;
  Kind kind = kVarint;
  uint64_t value = 0;      // kVarint, kFixed64, kFixed32
  std::string_view bytes;  // kBytes: text or a message

  float AsFloat() const { return std::bit_cast<float>(static_cast<uint32_t>(value)); }
};

class ProtoReader {
 public:
  explicit ProtoReader(std::string_view message) : rest_(message) {}

  // False at the end, and for what is no field: then ok() is false.
  bool Next(ProtoField& field) {
    if (rest_.empty() || !ok_) return false;
    uint64_t tag = 0;
    if (!Varint(tag)) return Fail();
    field.number = tag >> 3;
    field.bytes = {};
    field.value = 0;
    switch (tag & 7) {
      case ProtoField::kVarint: field.kind = ProtoField::kVarint; return Varint(field.value) || Fail();
      case ProtoField::kFixed64: field.kind = ProtoField::kFixed64; return Fixed(8, field.value) || Fail();
      case ProtoField::kFixed32: field.kind = ProtoField::kFixed32; return Fixed(4, field.value) || Fail();
      case ProtoField::kBytes: {
        field.kind = ProtoField::kBytes;
        uint64_t length = 0;
        if (!Varint(length) || length > rest_.size()) return Fail();
        field.bytes = rest_.substr(0, length);
        rest_.remove_prefix(length);
        return true;
      }
      default: return Fail();  // groups, which nobody writes any more
    }
  }
  bool ok() const { return ok_; }

 private:
  bool Fail() { return ok_ = false; }
  bool Varint(uint64_t& value) {
    value = 0;
    for (uint32_t shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<uint8_t>(rest_[0]);
      rest_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  bool Fixed(size_t n_bytes, uint64_t& value) {
    if (rest_.size() < n_bytes) return false;
    value = 0;
    std::memcpy(&value, rest_.data(), n_bytes);
    rest_.remove_prefix(n_bytes);
    return true;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_TOKENIZER_PROTO_READER_H_
