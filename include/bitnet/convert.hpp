// C++ twin of convert.h.
#pragma once

#include <bitnet/convert.h>
#include <bitnet/engine.hpp>
#include <bitnet/result.hpp>

#include <string>

namespace bitnet {
inline namespace v0 {

/// bitnet_convert_options_t at its defaults.
struct ConvertOptions : bitnet_convert_options_t {
  ConvertOptions() noexcept : bitnet_convert_options_t(BITNET_CONVERT_OPTIONS_INIT) {}
};

/// Wraps bitnet_convert().
inline Result<bitnet_convert_report_t> convert(const Engine& engine, const std::string& source,
                                               const std::string& target, const ConvertOptions& options = {}) {
  bitnet_convert_report_t report = BITNET_CONVERT_REPORT_INIT;
  const bitnet_status_t s = bitnet_convert(engine.capi(), source.c_str(), target.c_str(), &options, &report);
  if (s != BITNET_OK) return Error::last(s);
  return report;
}

/// bitnet_export_options_t at its defaults.
struct ExportOptions : bitnet_export_options_t {
  ExportOptions() noexcept : bitnet_export_options_t(BITNET_EXPORT_OPTIONS_INIT) {}
};

/// Wraps bitnet_export_safetensors().
inline Result<bitnet_convert_report_t> export_safetensors(const Engine& engine, const std::string& source,
                                                          const std::string& target,
                                                          const ExportOptions& options = {}) {
  bitnet_convert_report_t report = BITNET_CONVERT_REPORT_INIT;
  const bitnet_status_t s = bitnet_export_safetensors(engine.capi(), source.c_str(), target.c_str(), &options, &report);
  if (s != BITNET_OK) return Error::last(s);
  return report;
}

}  // namespace v0
}  // namespace bitnet
