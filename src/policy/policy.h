// A correction policy as plain values (docs/policy.md, section 2).
#ifndef BITNET_POLICY_POLICY_H_
#define BITNET_POLICY_POLICY_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/status.h"
#include "policy/yaml_values.h"

namespace bitnet::policy {

// Which models a policy is for.
struct Fingerprint {
  enum class Type : uint32_t { kSha256, kMetadata, kCombined };
  Type type = Type::kSha256;
  std::string sha256;  // kSha256: 12 to 64 lower-case hex digits, the start of the file's
  // kMetadata: at least one; all that are given must match.
  std::optional<std::string> model_name, quantization, architecture;
  std::optional<uint32_t> vocab_size;
  std::vector<Fingerprint> criteria;  // kCombined: all must match; none of them combined
};
std::string_view FingerprintTypeName(Fingerprint::Type type);  // "gguf_sha256", "metadata", "combined"

enum class CorrectionType : uint32_t { kLayernormScale, kAttentionScale };
std::string_view CorrectionTypeName(CorrectionType type);  // "layernorm_scale", "attention_scale"

struct Correction {
  CorrectionType type = CorrectionType::kLayernormScale;
  Place place;  // in the file, for messages
  std::string description;
  std::optional<std::vector<uint32_t>> layers;  // none: all of them
  // kLayernormScale
  double target_rms = 0;
  double tolerance = 0.1;
  std::vector<std::string> tensors;  // classes, "attn_norm"; empty: every norm
  std::optional<Range> clamp;        // of the factor
  std::vector<Range> out_of_range;   // preconditions: the RMS lies outside all of these
  Range in_range;                    // postcondition: all given ranges together
  // kAttentionScale
  double scale_factor = 1;
};

struct Policy {
  std::string name, description;
  Place place;
  Fingerprint fingerprint;
  std::vector<Correction> corrections;
};

struct PolicyFile {
  uint32_t version = 1;
  std::vector<Policy> policies;
};

// kPolicyInvalid with line and column for anything that is not exactly a policy.
core::Result<PolicyFile> ParsePolicy(std::string_view yaml);

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_POLICY_H_
