// Any checkpoint that loads, to a GGUF with ternary linears: in bands of rows, so that memory stays small whatever the
// model; the same input gives the same bytes; the file appears whole or not at all.
#ifndef BITNET_CORE_CONVERT_CONVERT_H_
#define BITNET_CORE_CONVERT_CONVERT_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/sha256.h"
#include "core/base/status.h"
#include "core/base/thread_pool.h"
#include "core/format/quant_type.h"

namespace bitnet::core {

struct ConvertSpec {
  QuantType linear = QuantType::kI2_S;  // or kTQ1_0, kTQ2_0
  QuantType table = QuantType::kF16;    // embedding and head: or kBF16, kQ8_0, kQ6_K; norms are always F32
  std::optional<std::string> name;      // general.name; nullopt: the source's
  std::string pre;                      // tokenizer.ggml.pre; "": the source's
  std::string tokenizer;                // a file or folder in place of the source's own tokenizer; "": none
  bool overwrite = false;               // replace a file at the target
  bool i2s_arm_layout = false;          // the source's I2_S tensors have the old Arm layout
  // Called on the calling thread with done <= total (bytes of tensors read); false cancels.
  std::function<bool(uint64_t done, uint64_t total)> progress;
  std::function<void(std::string_view)> warn;  // one lower-case line each
};

struct ConvertReport {
  uint64_t file_bytes = 0;
  uint32_t n_tensors = 0;
  uint64_t n_codes = 0;      // ternary weights, every one of them compared
  bool exact_scales = true;  // false: rounded to f16, which is what the TQ types hold
  Digest ternary_sha256{};   // as Model::TernarySha256() of the new file
  Digest ternary_scales_sha256{};
};

// `source`: as Model::LoadFile takes it. The new file is opened again with the ordinary reader before it gets its name,
// and all its codes are compared with the source's.
Result<ConvertReport> ConvertToGguf(const std::string& source, const std::string& target, const ConvertSpec& spec,
                                    ThreadPool& pool);

}  // namespace bitnet::core

#endif  // BITNET_CORE_CONVERT_CONVERT_H_
