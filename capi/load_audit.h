// Corrections and strictness of a load: what happens between the options and the loader, and what is remembered of it.
#ifndef BITNET_CAPI_LOAD_AUDIT_H_
#define BITNET_CAPI_LOAD_AUDIT_H_

#include <bitnet/model.h>

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "capi/audit_handles.h"
#include "core/model/model.h"

namespace bitnet::capi {

// What receipts tell about a load.
struct LoadAudit {
  // Of the tokenizer, which takes milliseconds for 100,000 tokens: computed once.
  struct TokenizerDigest {
    std::once_flag once;
    std::string sha256;
  };
  std::unique_ptr<TokenizerDigest> tokenizer_digest = std::make_unique<TokenizerDigest>();
  std::optional<AppliedPolicy> applied;  // none without a policy
  std::string known_sha256;              // the host's word for the file's digest, "" when it gave none
  std::string pre;
  bool i2s_arm_layout = false;
  bool allow_suspicious_norms = false;
  bool allow_dense_linears = false;
  bool tokenizer_replaced = false;
  double load_ms = 0;
};

// Whether the options allow what they ask for: kPolicyRefused otherwise, before anything is read.
core::Status CheckPermission(const bitnet_model_options_t& options);

// True when the file must be looked at before it is loaded.
bool NeedsPreparation(const bitnet_model_options_t& options);

// What loads fail with that need preparation for a model in another form.
core::Status NeedsGguf();

// Plans corrections for the file in `bytes` and puts them into `spec`; in strict mode refuses suspicious norms. What it
// did goes to `audit`, what the user should know to spec->warn.
core::Status PrepareLoad(const bitnet_model_options_t& options, std::span<const std::byte> bytes, core::LoadSpec* spec,
                         LoadAudit* audit);

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_LOAD_AUDIT_H_
