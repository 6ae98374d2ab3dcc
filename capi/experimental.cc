#include <bitnet/experimental.h>

#include "capi/digest.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/session_lock.h"
#include "capi/targets.h"
#include "core/base/sha256.h"
#include "core/graph/gpu_memory.h"
#include "core/graph/profiled_ops.h"
#include "kernels/cuda/gpu.h"
#include "kernels/multiply_add.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;
namespace kernels = bitnet::kernels;

extern "C" {

bitnet_status_t bitnet_x_session_logits_sha256(bitnet_session_t* session,
                                               char out_hex[BITNET_SHA256_HEX_SIZE]) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (session == nullptr) return InvalidArgument("session is NULL");
    if (out_hex == nullptr) return InvalidArgument("out_hex is NULL");
    const Exclusive lock(session);
    if (!lock.held()) return Busy();
    const size_t n_rows = session->session->n_logits();
    if (n_rows == 0) return Fail(BITNET_E_BAD_STATE, "the last evaluation kept no logits", "want");
    core::Sha256 sha256;
    for (size_t row = 0; row < n_rows; ++row) {
      const auto logits = session->session->Logits(row);
      if (!logits.ok()) return Fail(logits.status());
      sha256.Update(logits->data(), logits->size_bytes());
    }
    PutHex(sha256.Finish(), out_hex);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_x_multiply_add_rounds(const char* target, uint64_t n_rounds, uint64_t* out_n_products) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (out_n_products == nullptr) return InvalidArgument("out_n_products is NULL");
    const kernels::KernelTable* table = nullptr;
    BN_TRY(FindTarget(target, &table));
    *out_n_products = kernels::MultiplyAddRounds(*table, n_rounds);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_x_gpu_limits(uint32_t gpu, double* out_read_bytes_per_s,
                                    double* out_multiply_adds_per_s) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (out_read_bytes_per_s == nullptr || out_multiply_adds_per_s == nullptr) {
      return InvalidArgument("out_read_bytes_per_s or out_multiply_adds_per_s is NULL");
    }
    *out_read_bytes_per_s = *out_multiply_adds_per_s = 0;
    const kernels::gpu::GpuTable* const table = kernels::gpu::CudaTable();
    const char* why = "not built in";
    const uint32_t n = table == nullptr ? 0 : table->count(&why);
    if (gpu >= n) {
      return Fail(BITNET_E_TARGET_UNAVAILABLE, n == 0 ? core::Cat("cuda: ", why) : core::Cat("cuda: no device ", gpu),
                  "gpu");
    }
    auto context = core::GpuContext::Open(*table, gpu);
    if (!context.ok()) return Fail(context.status());
    kernels::gpu::GpuLimits limits;
    const core::Status status = core::StatusOfGpu(table->measure((*context)->queue(), &limits));
    if (!status.ok()) return Fail(status);
    *out_read_bytes_per_s = limits.read_bytes_per_s;
    *out_multiply_adds_per_s = limits.multiply_adds_per_s;
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_x_session_profile_start(bitnet_session_t* session) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (session == nullptr) return InvalidArgument("session is NULL");
    const Exclusive lock(session);
    if (!lock.held()) return Busy();
    session->session->StartProfile();
    if (session->session->Profile().empty()) {
      return Fail(BITNET_E_UNSUPPORTED, "profile: a gpu computes, whose operations return before they are done",
                  "device");
    }
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_x_session_profile(const bitnet_session_t* session, size_t index, const char** out_name,
                                         double* out_seconds) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (session == nullptr) return InvalidArgument("session is NULL");
    if (out_name == nullptr || out_seconds == nullptr) return InvalidArgument("out_name or out_seconds is NULL");
    const Shared lock(session);
    if (!lock.held()) return Busy();
    const std::span<const double> seconds = session->session->Profile();
    if (index >= seconds.size()) return Fail(BITNET_E_NOT_FOUND, core::Cat("no part number ", index));
    *out_name = core::ProfilePartName(static_cast<core::ProfilePart>(index));
    *out_seconds = seconds[index];
    return BITNET_OK;
  });
}

}  // extern "C"
