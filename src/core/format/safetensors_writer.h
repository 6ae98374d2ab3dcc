// Writes the header of a SafeTensors file; the data follow at the offsets that it gives.
#ifndef BITNET_CORE_FORMAT_SAFETENSORS_WRITER_H_
#define BITNET_CORE_FORMAT_SAFETENSORS_WRITER_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitnet::core {

// Tensors come out in the order in which they are added, without gaps; the same calls give the same bytes.
class SafetensorsWriter {
 public:
  // `dtype`: one that SafeDtypeBytes knows. Returns the tensor's index.
  size_t AddTensor(std::string_view name, std::string_view dtype, std::span<const uint64_t> shape);

  // After the last tensor.
  std::string Header() const;
  uint64_t FileBytes() const { return HeaderBytes() + data_bytes_; }
  uint64_t TensorOffset(size_t i) const { return HeaderBytes() + offsets_[i]; }

 private:
  uint64_t HeaderBytes() const;

  std::string entries_;
  std::vector<uint64_t> offsets_;  // from the end of the header
  uint64_t data_bytes_ = 0;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_SAFETENSORS_WRITER_H_
