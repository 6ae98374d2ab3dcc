// Any bytes as a SafeTensors file: an error, or tensors that cover the data, each byte once.
#include <cstdint>
#include <cstdlib>
#include <span>

#include "core/format/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = bitnet::core::Safetensors::Parse({reinterpret_cast<const std::byte*>(data), size});
  if (!parsed.ok()) {
    if (parsed.status().message().empty()) std::abort();  // every error says what is wrong
    return 0;
  }
  uint64_t header = 0, covered = 0;
  for (int i = 7; i >= 0; --i) header = header << 8 | data[i];
  for (const auto& t : parsed->tensors()) covered += t.data.size();
  if (8 + header + covered != size) std::abort();
  return 0;
}
