// Structs that grow at their end: struct_size says how much of one the caller knows (bitnet.h, STRUCTS).
#ifndef BITNET_CAPI_STRUCTS_H_
#define BITNET_CAPI_STRUCTS_H_

#include <bitnet/bitnet.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "capi/last_error.h"
#include "core/base/text.h"

namespace bitnet::capi {

// No struct will ever be larger: a struct_size beyond it was never initialised.
inline constexpr uint32_t kMaxStructBytes = 4096;

// Name, and size in the first version: every header since has at least the fields up to `last`. Never changes.
template <typename T>
struct StructTraits;
#define BN_STRUCT(type, last)                                                       \
  template <>                                                                       \
  struct StructTraits<type> {                                                       \
    static constexpr const char* kName = #type;                                     \
    static constexpr size_t kFirstSize = offsetof(type, last) + sizeof(type::last); \
  }
BN_STRUCT(bitnet_error_info_t, what);
BN_STRUCT(bitnet_allocator_t, user_data);
BN_STRUCT(bitnet_engine_options_t, log_user_data);
BN_STRUCT(bitnet_engine_info_t, device);
BN_STRUCT(bitnet_target_t, name);
BN_STRUCT(bitnet_self_test_t, first_different);
BN_STRUCT(bitnet_device_t, memory_bytes);
BN_STRUCT(bitnet_file_info_t, alignment);
BN_STRUCT(bitnet_metadata_t, offset);
BN_STRUCT(bitnet_tensor_t, offset);
BN_STRUCT(bitnet_model_options_t, progress_user_data);
BN_STRUCT(bitnet_model_info_t, path);
BN_STRUCT(bitnet_memory_t, scratch_bytes);
BN_STRUCT(bitnet_tokenizer_options_t, log_user_data);
BN_STRUCT(bitnet_tokenizer_info_t, chat_form);
BN_STRUCT(bitnet_chat_options_t, time_s);
BN_STRUCT(bitnet_session_options_t, reserved);
BN_STRUCT(bitnet_session_info_t, reserved);
BN_STRUCT(bitnet_generate_options_t, reserved);
BN_STRUCT(bitnet_step_t, reserved);
BN_STRUCT(bitnet_facts_info_t, n_kernels);
BN_STRUCT(bitnet_kernel_t, calls);
BN_STRUCT(bitnet_policy_info_t, sha256);
BN_STRUCT(bitnet_validation_info_t, message);
BN_STRUCT(bitnet_correction_t, allowed_max);
BN_STRUCT(bitnet_inspect_options_t, sha256);
BN_STRUCT(bitnet_inspection_info_t, temporary);
BN_STRUCT(bitnet_tensor_report_t, scale_max);
BN_STRUCT(bitnet_convert_options_t, progress_user_data);
BN_STRUCT(bitnet_convert_report_t, reserved);
BN_STRUCT(bitnet_export_options_t, progress_user_data);
BN_STRUCT(bitnet_diff_options_t, progress_user_data);
BN_STRUCT(bitnet_diff_info_t, n_metadata_different);
BN_STRUCT(bitnet_tensor_diff_t, max_difference);
BN_STRUCT(bitnet_metadata_diff_t, b);
BN_STRUCT(bitnet_receipt_options_t, fallback_reason);
BN_STRUCT(bitnet_verify_options_t, model);
BN_STRUCT(bitnet_verification_info_t, first_step);
BN_STRUCT(bitnet_problem_t, message);
BN_STRUCT(bitnet_comparison_t, reserved);
#undef BN_STRUCT

template <typename T>
bool StructFits(const T* p) noexcept {
  return p != nullptr && p->struct_size >= StructTraits<T>::kFirstSize && p->struct_size <= kMaxStructBytes;
}

template <typename T>
bitnet_status_t BadStructSize(const T* p) {
  return InvalidArgument(core::Cat("struct_size of ", StructTraits<T>::kName, " is ", p->struct_size, ", expected ",
                                   sizeof(T), ": initialise it with its _INIT macro"),
                         StructTraits<T>::kName);
}

// Copies an options struct: what the caller knows over zeros, which are the defaults; NULL means defaults. Refuses
// bytes that are not zero where this library knows no field, so that a newer option is never ignored in silence.
template <typename T>
bitnet_status_t ReadOptions(const T* in, T* out) {
  *out = T{};
  if (in == nullptr) return BITNET_OK;
  if (!StructFits(in)) return BadStructSize(in);
  const size_t size = in->struct_size;
  const size_t known = std::min(size, sizeof(T));
  std::memcpy(out, in, known);
  const auto* bytes = reinterpret_cast<const unsigned char*>(in);
  if (std::any_of(bytes + known, bytes + size, [](unsigned char b) { return b != 0; })) {
    return InvalidArgument(core::Cat(StructTraits<T>::kName, " has an option beyond byte ", known,
                                     " that this library does not know: it is older than the headers"),
                           StructTraits<T>::kName);
  }
  return BITNET_OK;
}

// Checks the caller's struct for a result.
template <typename T>
bitnet_status_t CheckOut(const T* out) {
  if (out == nullptr) return InvalidArgument(core::Cat("the ", StructTraits<T>::kName, " to fill is NULL"));
  return StructFits(out) ? BITNET_OK : BadStructSize(out);
}

// Copies a result into a struct that passed CheckOut(), as far as the caller knows it.
template <typename T>
void CopyOut(T value, T* out) noexcept {
  value.struct_size = out->struct_size;
  std::memcpy(out, &value, std::min<size_t>(value.struct_size, sizeof(T)));
}

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_STRUCTS_H_
