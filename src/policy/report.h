// What validation found, as a JSON document.
#ifndef BITNET_POLICY_REPORT_H_
#define BITNET_POLICY_REPORT_H_

#include <string>
#include <string_view>

#include "policy/plan.h"

namespace bitnet::policy {

// `model` null: the policy file alone was checked.
std::string ValidationJson(const PolicyFile& file, const ModelIdentity* model, const Plan* plan);

}  // namespace bitnet::policy

#endif  // BITNET_POLICY_REPORT_H_
