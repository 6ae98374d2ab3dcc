#include <bitnet/facts.h>

#include <cstring>

#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/structs.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;

extern "C" {

void bitnet_facts_free(bitnet_facts_t* facts) noexcept { delete facts; }

bitnet_status_t bitnet_facts_info(const bitnet_facts_t* facts, bitnet_facts_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (facts == nullptr) return InvalidArgument("facts is NULL");
    BN_TRY(CheckOut(out_info));
    const core::RunFacts& f = facts->facts;
    bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
    info.threads = f.threads;
    info.target = f.target.c_str();
    info.head = f.head.c_str();
    std::memcpy(info.logits_sha256, facts->logits_sha256.data(), facts->logits_sha256.size());  // 64 or 0 digits
    info.prompt_ms = f.prompt_ms;
    info.generate_ms = f.generate_ms;
    info.time_to_first_token_ms = f.time_to_first_token_ms;
    info.n_prompt_tokens = f.n_prompt_tokens;
    info.n_generated_tokens = f.n_generated_tokens;
    info.n_evaluated_tokens = f.n_evaluated_tokens;
    info.head_survivors = f.head_survivors;
    info.n_kernels = f.kernels.size();
    info.device = f.device.c_str();
    info.requested_device = f.requested_device.c_str();
    info.fallback_reason = f.fallback_reason.c_str();
    info.gpu = facts->gpu.c_str();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_facts_kernel(const bitnet_facts_t* facts, size_t index, bitnet_kernel_t* out_kernel) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (facts == nullptr) return InvalidArgument("facts is NULL");
    BN_TRY(CheckOut(out_kernel));
    if (index >= facts->facts.kernels.size()) {
      return Fail(BITNET_E_NOT_FOUND,
                  core::Cat("no kernel number ", index, ", there are ", facts->facts.kernels.size()));
    }
    const core::KernelCalls& k = facts->facts.kernels[index];
    bitnet_kernel_t kernel = BITNET_KERNEL_INIT;
    kernel.id = k.id.c_str();
    kernel.calls = k.calls;
    CopyOut(kernel, out_kernel);
    return BITNET_OK;
  });
}

}  // extern "C"
