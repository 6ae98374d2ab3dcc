// Options of loading: shared by model.cc and session.cc.
#ifndef BITNET_CAPI_MODEL_OPTIONS_H_
#define BITNET_CAPI_MODEL_OPTIONS_H_

#include <bitnet/model.h>

#include "core/model/model.h"

namespace bitnet::capi {

// NULL gives the defaults. What `options` points to must live as long as `spec`.
bitnet_status_t ReadModelOptions(const bitnet_model_options_t* options, const core::Engine& engine,
                                 core::LoadSpec* spec);

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_MODEL_OPTIONS_H_
