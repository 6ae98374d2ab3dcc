// Writes the header of a GGUF v3 file: key-values, tensor infos, padding. The data follow at the offsets that it gives.
#ifndef BITNET_CORE_FORMAT_GGUF_WRITER_H_
#define BITNET_CORE_FORMAT_GGUF_WRITER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "core/format/gguf.h"
#include "core/format/quant_type.h"

namespace bitnet::core {

// Keys and tensors come out in the order in which they are added; the same calls give the same bytes.
class GgufWriter {
 public:
  static constexpr uint64_t kAlignment = 32;  // the default of the format, so no key says it

  GgufWriter& U32(std::string_view key, uint32_t value);
  GgufWriter& F32(std::string_view key, float value);
  GgufWriter& Bool(std::string_view key, bool value);
  GgufWriter& String(std::string_view key, std::string_view value);
  GgufWriter& Strings(std::string_view key, std::span<const std::string> values);
  GgufWriter& Ints(std::string_view key, std::span<const int32_t> values);
  GgufWriter& Floats(std::string_view key, std::span<const float> values);
  // A pair of another file as it stands there.
  GgufWriter& Copy(const GgufValue& value);

  // `ne`: dimensions, fastest first, that fit the type's block and row group. Returns the tensor's index.
  size_t AddTensor(std::string_view name, std::span<const uint64_t> ne, QuantType type);

  // After the last key and tensor. Bytes of the header with its padding, of the whole file, and where tensor i lies.
  std::string Header() const;
  uint64_t FileBytes() const { return HeaderBytes() + data_bytes_; }
  uint64_t TensorOffset(size_t i) const { return HeaderBytes() + tensors_[i].offset; }
  uint64_t TensorBytes(size_t i) const { return tensors_[i].n_bytes; }

 private:
  struct Tensor {
    uint64_t offset;  // from the end of the header
    uint64_t n_bytes;
  };
  std::string& Key(std::string_view key, GgufType type);
  std::string& Array(std::string_view key, GgufType element, uint64_t count);
  uint64_t HeaderBytes() const;

  std::string keys_, infos_;  // encoded
  uint64_t n_keys_ = 0;
  std::vector<Tensor> tensors_;
  uint64_t data_bytes_ = 0;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_GGUF_WRITER_H_
