// C++ twin of model.h.
#pragma once

#include <bitnet/model.h>
#include <bitnet/engine.hpp>
#include <bitnet/file.hpp>
#include <bitnet/result.hpp>
#include <bitnet/span.hpp>
#include <bitnet/tokenizer.hpp>

#include <cstddef>
#include <string>

namespace bitnet {
inline namespace v0 {

/// bitnet_model_options_t at its defaults.
struct ModelOptions : bitnet_model_options_t {
  ModelOptions() noexcept : bitnet_model_options_t(BITNET_MODEL_OPTIONS_INIT) {}
};

class Model {
 public:
  /// Wraps bitnet_model_load().
  static Result<Model> load(const Engine& engine, const char* path, const ModelOptions& options = {}) {
    bitnet_model_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_model_load(engine.capi(), path, &options, &raw)) return Error::last(s);
    return Model(raw);
  }
  static Result<Model> load(const Engine& engine, const std::string& path, const ModelOptions& options = {}) {
    return load(engine, path.c_str(), options);
  }
  /// Wraps bitnet_model_load_memory(): `bytes` must outlive the model and its sessions unless options.mode copies.
  static Result<Model> load(const Engine& engine, Span<const std::byte> bytes, const ModelOptions& options = {}) {
    bitnet_model_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_model_load_memory(engine.capi(), bytes.data(), bytes.size(), &options, &raw)) {
      return Error::last(s);
    }
    return Model(raw);
  }
  /// Wraps bitnet_model_load_callback().
  static Result<Model> load(const Engine& engine, bitnet_read_fn read, void* user_data, std::uint64_t n_bytes,
                            const ModelOptions& options = {}) {
    bitnet_model_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_model_load_callback(engine.capi(), read, user_data, n_bytes, &options, &raw)) {
      return Error::last(s);
    }
    return Model(raw);
  }

  /// Wraps bitnet_model_info().
  bitnet_model_info_t info() const noexcept {
    bitnet_model_info_t info = BITNET_MODEL_INFO_INIT;
    bitnet_model_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_model_tokenizer(): a view, valid as long as the model.
  Tokenizer tokenizer() const noexcept { return Tokenizer::view(bitnet_model_tokenizer(capi())); }
  /// Wraps bitnet_model_detected().
  const char* detected() const noexcept { return bitnet_model_detected(capi()); }
  /// Wraps bitnet_model_file(): a view, valid as long as the model.
  File file() const noexcept { return File::view(bitnet_model_file(capi())); }
  /// Wraps bitnet_model_ternary_sha256().
  Result<std::string> ternary_sha256() const {
    char hex[BITNET_SHA256_HEX_SIZE];
    if (const bitnet_status_t s = bitnet_model_ternary_sha256(capi(), hex)) return Error::last(s);
    return std::string(hex);
  }
  /// Wraps bitnet_model_ternary_scales_sha256().
  Result<std::string> ternary_scales_sha256() const {
    char hex[BITNET_SHA256_HEX_SIZE];
    if (const bitnet_status_t s = bitnet_model_ternary_scales_sha256(capi(), hex)) return Error::last(s);
    return std::string(hex);
  }

  const bitnet_model_t* capi() const noexcept { return handle_.get(); }

 private:
  explicit Model(bitnet_model_t* raw) noexcept : handle_(raw) {}
  detail::Owner<bitnet_model_t, bitnet_model_free> handle_;
};

}  // namespace v0
}  // namespace bitnet
