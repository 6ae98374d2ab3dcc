// Running a receipt again.
#ifndef BITNET_CAPI_REPLAY_H_
#define BITNET_CAPI_REPLAY_H_

#include <string_view>

#include "capi/audit_handles.h"
#include "capi/handles.h"

namespace bitnet::capi {

// Fills `out` with the differences. kReceiptRejected when the receipt cannot be replayed on this model.
core::Status Replay(std::string_view text, const bitnet_model_t& model, bitnet_verification_t* out);

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_REPLAY_H_
