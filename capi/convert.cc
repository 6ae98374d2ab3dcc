#include <bitnet/convert.h>

#include <iterator>
#include <memory>
#include <string>
#include <tuple>

#include "capi/digest.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/structs.h"
#include "core/convert/convert.h"
#include "core/convert/export.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;

namespace {

constexpr core::QuantType kTernary[] = {core::QuantType::kI2_S, core::QuantType::kTQ1_0, core::QuantType::kTQ2_0};
constexpr core::QuantType kTable[] = {core::QuantType::kF16, core::QuantType::kBF16, core::QuantType::kQ8_0,
                                      core::QuantType::kQ6_K};

void SetProgress(bitnet_progress_fn fn, void* user_data, core::ConvertSpec* spec) {
  if (fn == nullptr) return;
  spec->progress = [fn, user_data](uint64_t done, uint64_t total) { return fn(done, total, user_data) == 0; };
}

bitnet_status_t ReadConvertOptions(const bitnet_convert_options_t* options, core::ConvertSpec* spec) {
  bitnet_convert_options_t o;
  BN_TRY(ReadOptions(options, &o));
  if (o.reserved != 0) return InvalidArgument("reserved of bitnet_convert_options_t is not 0");
  for (const auto& [value, end, name] :
       {std::tuple{o.ternary, std::size(kTernary), "ternary"}, std::tuple{o.table, std::size(kTable), "table"},
        std::tuple{o.overwrite, size_t{2}, "overwrite"}, std::tuple{o.i2s_arm_layout, size_t{2}, "i2s_arm_layout"}}) {
    if (value >= end) return InvalidArgument(core::Cat(name, " is ", value, ", expected 0 to ", end - 1), name);
  }
  spec->linear = kTernary[o.ternary];
  spec->table = kTable[o.table];
  spec->overwrite = o.overwrite != 0;
  spec->i2s_arm_layout = o.i2s_arm_layout != 0;
  if (o.name != nullptr) spec->name = o.name;
  if (o.pre != nullptr) spec->pre = o.pre;
  if (o.tokenizer != nullptr) {
    if (*o.tokenizer == '\0') return InvalidArgument("tokenizer is empty, expected a path", "tokenizer");
    spec->tokenizer = o.tokenizer;
  }
  SetProgress(o.progress, o.progress_user_data, spec);
  return BITNET_OK;
}

bitnet_status_t ReadExportOptions(const bitnet_export_options_t* options, core::ConvertSpec* spec) {
  bitnet_export_options_t o;
  BN_TRY(ReadOptions(options, &o));
  if (o.i2s_arm_layout > 1) {
    return InvalidArgument(core::Cat("i2s_arm_layout is ", o.i2s_arm_layout, ", expected 0 or 1"), "i2s_arm_layout");
  }
  spec->i2s_arm_layout = o.i2s_arm_layout != 0;
  SetProgress(o.progress, o.progress_user_data, spec);
  return BITNET_OK;
}

bitnet_convert_report_t ReportOf(const core::ConvertReport& r) {
  bitnet_convert_report_t out = BITNET_CONVERT_REPORT_INIT;
  out.n_tensors = r.n_tensors;
  out.file_bytes = r.file_bytes;
  out.n_codes = r.n_codes;
  out.exact_scales = r.exact_scales;
  PutHex(r.ternary_sha256, out.ternary_sha256);
  PutHex(r.ternary_scales_sha256, out.ternary_scales_sha256);
  return out;
}

using ConvertFn = core::Result<core::ConvertReport> (*)(const std::string&, const std::string&,
                                                        const core::ConvertSpec&, core::ThreadPool&);

// What both ways share.
template <typename Options>
bitnet_status_t Convert(ConvertFn convert, bitnet_status_t (*read)(const Options*, core::ConvertSpec*),
                        const bitnet_engine_t* engine, const char* source, const char* target, const Options* options,
                        bitnet_convert_report_t* out_report) {
  if (engine == nullptr) return InvalidArgument("engine is NULL");
  if (source == nullptr) return InvalidArgument("source is NULL");
  if (target == nullptr) return InvalidArgument("target is NULL");
  if (out_report != nullptr) BN_TRY(CheckOut(out_report));
  core::ConvertSpec spec;
  BN_TRY(read(options, &spec));
  const std::shared_ptr<const EngineState> state = engine->state;  // a callback may free the handle
  spec.warn = [&](std::string_view message) { state->Log(BITNET_LOG_WARNING, std::string(message)); };
  const auto report = convert(source, target, spec, state->engine->pool());
  if (!report.ok()) return Fail(report.status());
  if (out_report != nullptr) CopyOut(ReportOf(*report), out_report);
  return BITNET_OK;
}

}  // namespace

extern "C" {

bitnet_status_t bitnet_convert(const bitnet_engine_t* engine, const char* source, const char* target,
                               const bitnet_convert_options_t* options, bitnet_convert_report_t* out_report) noexcept {
  return GuardCompute(
      [&] { return Convert(core::ConvertToGguf, ReadConvertOptions, engine, source, target, options, out_report); });
}

bitnet_status_t bitnet_export_safetensors(const bitnet_engine_t* engine, const char* source, const char* target,
                                          const bitnet_export_options_t* options,
                                          bitnet_convert_report_t* out_report) noexcept {
  return GuardCompute(
      [&] { return Convert(core::ExportSafetensors, ReadExportOptions, engine, source, target, options, out_report); });
}

}  // extern "C"
