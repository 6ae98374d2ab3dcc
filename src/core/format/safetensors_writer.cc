#include "core/format/safetensors_writer.h"

#include "core/base/json_writer.h"
#include "core/base/text.h"
#include "core/format/safetensors.h"

namespace bitnet::core {

namespace {
// The reference library says which framework's conventions a file follows, and some readers ask for it.
constexpr std::string_view kHeaderMetadata = R"("__metadata__":{"format":"pt"})";
constexpr uint64_t kHeaderMultiple = 8;  // so that the data are aligned
}  // namespace

size_t SafetensorsWriter::AddTensor(std::string_view name, std::string_view dtype, std::span<const uint64_t> shape) {
  uint64_t n_bytes = SafeDtypeBytes(dtype);
  for (const uint64_t n : shape) n_bytes *= n;
  entries_ += ',';
  AppendJsonString(entries_, name);
  entries_ += Cat(R"(:{"dtype":")", dtype, R"(","shape":[)");
  for (size_t i = 0; i < shape.size(); ++i) entries_ += Cat(i == 0 ? "" : ",", shape[i]);
  entries_ += Cat(R"(],"data_offsets":[)", data_bytes_, ",", data_bytes_ + n_bytes, "]}");
  offsets_.push_back(data_bytes_);
  data_bytes_ += n_bytes;
  return offsets_.size() - 1;
}

uint64_t SafetensorsWriter::HeaderBytes() const {
  const uint64_t json = kHeaderMetadata.size() + entries_.size() + 2;  // braces
  return sizeof(uint64_t) + (json + kHeaderMultiple - 1) / kHeaderMultiple * kHeaderMultiple;
}

std::string SafetensorsWriter::Header() const {
  const uint64_t n = HeaderBytes() - sizeof(uint64_t);
  std::string out(reinterpret_cast<const char*>(&n), sizeof n);
  out += Cat("{", kHeaderMetadata, entries_, "}");
  out.resize(HeaderBytes(), ' ');
  return out;
}

}  // namespace bitnet::core
