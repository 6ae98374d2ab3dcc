#include <bitnet/diff.h>

#include <memory>
#include <tuple>
#include <utility>

#include "capi/guard.h"
#include "capi/structs.h"
#include "capi/two_call.h"
#include "core/model/diff.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;
using Outcome = core::TensorDiff::Outcome;

struct bitnet_diff_t {
  core::Diff diff;
};

namespace {

static_assert(static_cast<uint32_t>(Outcome::kEqual) == BITNET_DIFF_EQUAL);
static_assert(static_cast<uint32_t>(Outcome::kScale) == BITNET_DIFF_SCALE);
static_assert(static_cast<uint32_t>(Outcome::kValues) == BITNET_DIFF_VALUES);
static_assert(static_cast<uint32_t>(Outcome::kShape) == BITNET_DIFF_SHAPE);
static_assert(static_cast<uint32_t>(Outcome::kOnlyA) == BITNET_DIFF_ONLY_A);
static_assert(static_cast<uint32_t>(Outcome::kOnlyB) == BITNET_DIFF_ONLY_B);
static_assert(static_cast<uint32_t>(Outcome::kNotCompared) == BITNET_DIFF_NOT_COMPARED);

bitnet_status_t ReadDiffOptions(const bitnet_diff_options_t* options, core::DiffOptions* out) {
  bitnet_diff_options_t o;
  BN_TRY(ReadOptions(options, &o));
  if (o.reserved != 0) return InvalidArgument("reserved of bitnet_diff_options_t is not 0");
  for (const auto& [value, name] :
       {std::pair{o.i2s_arm_layout_a, "i2s_arm_layout_a"}, std::pair{o.i2s_arm_layout_b, "i2s_arm_layout_b"}}) {
    if (value > 1) return InvalidArgument(core::Cat(name, " is ", value, ", expected 0 or 1"), name);
  }
  out->i2s_arm_layout_a = o.i2s_arm_layout_a != 0;
  out->i2s_arm_layout_b = o.i2s_arm_layout_b != 0;
  if (o.progress != nullptr) {
    out->progress = [fn = o.progress, user_data = o.progress_user_data](uint64_t done, uint64_t total) {
      return fn(done, total, user_data) == 0;
    };
  }
  return BITNET_OK;
}

}  // namespace

extern "C" {

bitnet_status_t bitnet_diff(const char* path_a, const char* path_b, const bitnet_diff_options_t* options,
                            bitnet_diff_t** out_diff) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    if (out_diff == nullptr) return InvalidArgument("out_diff is NULL");
    *out_diff = nullptr;
    if (path_a == nullptr) return InvalidArgument("path_a is NULL");
    if (path_b == nullptr) return InvalidArgument("path_b is NULL");
    core::DiffOptions o;
    BN_TRY(ReadDiffOptions(options, &o));
    auto diff = core::DiffModels(path_a, path_b, o);
    if (!diff.ok()) return Fail(diff.status());
    *out_diff = new bitnet_diff_t{*std::move(diff)};
    return BITNET_OK;
  });
}

void bitnet_diff_free(bitnet_diff_t* diff) noexcept { delete diff; }

bitnet_status_t bitnet_diff_info(const bitnet_diff_t* diff, bitnet_diff_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (diff == nullptr) return InvalidArgument("diff is NULL");
    BN_TRY(CheckOut(out_info));
    const core::Diff& d = diff->diff;
    bitnet_diff_info_t info = BITNET_DIFF_INFO_INIT;
    info.equal = d.equal();
    info.n_tensors = d.tensors.size();
    info.n_equal = d.Count(Outcome::kEqual);
    info.n_scale = d.Count(Outcome::kScale);
    info.n_values = d.Count(Outcome::kValues);
    info.n_shape = d.Count(Outcome::kShape);
    info.n_only_a = d.Count(Outcome::kOnlyA);
    info.n_only_b = d.Count(Outcome::kOnlyB);
    info.n_not_compared = d.Count(Outcome::kNotCompared);
    info.n_metadata = d.n_metadata;
    info.n_metadata_different = d.metadata.size();
    info.n_notes = d.notes.size();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

const char* bitnet_diff_outcome_name(bitnet_diff_outcome_t outcome) noexcept {
  return outcome > BITNET_DIFF_NOT_COMPARED ? "" : core::OutcomeName(static_cast<Outcome>(outcome)).data();  // literals
}

bitnet_status_t bitnet_diff_tensor(const bitnet_diff_t* diff, size_t index, bitnet_tensor_diff_t* out_tensor) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (diff == nullptr) return InvalidArgument("diff is NULL");
    BN_TRY(CheckOut(out_tensor));
    const auto& tensors = diff->diff.tensors;
    if (index >= tensors.size()) {
      return Fail(BITNET_E_NOT_FOUND, core::Cat("no tensor number ", index, ", there are ", tensors.size()));
    }
    const core::TensorDiff& t = tensors[index];
    bitnet_tensor_diff_t tensor = BITNET_TENSOR_DIFF_INIT;
    tensor.outcome = static_cast<bitnet_diff_outcome_t>(t.outcome);
    tensor.name = t.name.c_str();
    tensor.name_a = t.name_a.c_str();
    tensor.name_b = t.name_b.c_str();
    tensor.type_a = t.type_a.c_str();
    tensor.type_b = t.type_b.c_str();
    tensor.shape_a = t.shape_a.c_str();
    tensor.shape_b = t.shape_b.c_str();
    tensor.n_compared = t.n_compared;
    tensor.n_different = t.n_different;
    tensor.first_different = t.first_different;
    tensor.max_difference = t.max_difference;
    tensor.n_scales = t.n_scales;
    tensor.n_scales_different = t.n_scales_different;
    CopyOut(tensor, out_tensor);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_diff_metadata(const bitnet_diff_t* diff, size_t index,
                                     bitnet_metadata_diff_t* out_metadata) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (diff == nullptr) return InvalidArgument("diff is NULL");
    BN_TRY(CheckOut(out_metadata));
    const auto& [list, notes] = std::tie(diff->diff.metadata, diff->diff.notes);
    if (index >= list.size() + notes.size()) {
      return Fail(BITNET_E_NOT_FOUND, core::Cat("no metadata difference number ", index, ", there are ", list.size(),
                                                " and ", notes.size(), " notes"));
    }
    const core::MetadataDiff& m = index < list.size() ? list[index] : notes[index - list.size()];
    bitnet_metadata_diff_t metadata = BITNET_METADATA_DIFF_INIT;
    metadata.key = m.key.c_str();
    metadata.a = m.a ? m.a->c_str() : nullptr;
    metadata.b = m.b ? m.b->c_str() : nullptr;
    CopyOut(metadata, out_metadata);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_diff_json(const bitnet_diff_t* diff, char* buf, size_t capacity, size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (diff == nullptr) return InvalidArgument("diff is NULL");
    return PutText(core::DiffJson(diff->diff), buf, capacity, needed);
  });
}

}  // extern "C"
