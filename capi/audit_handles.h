// What stands behind the handles of policies, inspections and receipts.
#ifndef BITNET_CAPI_AUDIT_HANDLES_H_
#define BITNET_CAPI_AUDIT_HANDLES_H_

#include <bitnet/bitnet.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "policy/inspect.h"
#include "policy/plan.h"
#include "policy/policy.h"
#include "receipts/reader.h"

namespace bitnet::capi {

// A policy file as the host handed it in.
struct PolicySource {
  policy::PolicyFile file;
  std::string path, sha256;
};

// What a load with a policy did, for receipts.
struct AppliedPolicy {
  std::shared_ptr<const PolicySource> source;
  policy::Plan plan;
  std::string timestamp;   // RFC 3339
  double overhead_ms = 0;  // planning; applying is part of the load
};

}  // namespace bitnet::capi

struct bitnet_policy_t {
  std::shared_ptr<const bitnet::capi::PolicySource> source;
};

struct bitnet_validation_t {
  std::shared_ptr<const bitnet::capi::PolicySource> source;
  std::optional<bitnet::policy::ModelIdentity> model;  // none: the policy alone
  bitnet::policy::Plan plan;
  std::string message;
};

struct bitnet_inspection_t {
  bitnet::policy::Inspection inspection;
  bitnet::policy::Advice advice;
  std::vector<std::string> suspicions;  // joined, by tensor
  uint32_t n_layers = 0;
};

struct bitnet_receipt_t {
  std::string text;
};

struct bitnet_verification_t {
  std::vector<bitnet::receipts::Problem> problems;
  int64_t first_step = -1;
};

#endif  // BITNET_CAPI_AUDIT_HANDLES_H_
