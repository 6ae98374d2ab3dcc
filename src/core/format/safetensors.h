// SafeTensors reader (docs/formats.md, section 3): header length, JSON header, data; no holes, no overlaps.
#ifndef BITNET_CORE_FORMAT_SAFETENSORS_H_
#define BITNET_CORE_FORMAT_SAFETENSORS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"

namespace bitnet::core {

struct SafeTensor {
  std::string name;
  std::string dtype;            // "BF16", "U8", ...
  std::vector<uint64_t> shape;  // row-major
  uint64_t offset = 0;          // of the data in the file (absolute)
  std::span<const std::byte> data;
};

// A parsed header over bytes that somebody else keeps alive.
class Safetensors {
 public:
  // Parses and checks all of the header: every tensor's bytes are what dtype and shape say, and together they cover the
  // data exactly.
  static Result<Safetensors> Parse(std::span<const std::byte> file);

  const std::vector<SafeTensor>& tensors() const { return tensors_; }  // by name

 private:
  std::vector<SafeTensor> tensors_;
};

// Bytes of an element; 0 for a dtype that is unknown here.
uint64_t SafeDtypeBytes(std::string_view dtype);

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_SAFETENSORS_H_
