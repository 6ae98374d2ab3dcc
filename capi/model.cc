#include <bitnet/model.h>

#include <chrono>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "capi/digest.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/identity.h"
#include "capi/load_audit.h"
#include "capi/model_options.h"
#include "capi/receipt_record.h"
#include "capi/structs.h"
#include "core/base/system_info.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;

bitnet_model_t::bitnet_model_t(std::shared_ptr<const EngineState> engine_state,
                               std::shared_ptr<const core::Model> loaded, std::shared_ptr<const LoadAudit> load_audit)
    : state(std::move(engine_state)),
      model(std::move(loaded)),
      tokenizer(model->tokenizer()),
      file(model->file(), {}),
      architecture(model->hparams().architecture),
      architecture_key(model->hparams().architecture_key),
      name(model->name()),
      quantization(model->quantization()),
      path(model->path()),
      detected(model->detected()),
      audit(std::move(load_audit)) {
  file.model = model.get();
  if (!file.tensor_names.empty()) return;
  for (const core::TensorEntry& t : model->tensors()) file.tensor_names.push_back(t.name);  // SafeTensors
}

namespace {

using LoadedModel = core::Result<std::shared_ptr<const core::Model>>;

// Looks at the bytes of a file before they are loaded, where the options ask for that (load_audit.h).
using Prepare = std::function<core::Status(std::span<const std::byte>, core::LoadSpec&)>;

// What the three ways of loading share: `load` gets the spec.
template <typename LoadFn>
bitnet_status_t Load(const bitnet_engine_t* engine, const bitnet_model_options_t* options, bitnet_model_t** out_model,
                     LoadFn&& load) {
  if (out_model == nullptr) return InvalidArgument("out_model is NULL");
  *out_model = nullptr;
  if (engine == nullptr) return InvalidArgument("engine is NULL");
  const std::shared_ptr<const EngineState> state = engine->state;  // a callback may free the handle
  const auto start = std::chrono::steady_clock::now();
  bitnet_model_options_t o;
  core::LoadSpec spec;
  BN_TRY(ReadOptions(options, &o));
  BN_TRY(ReadModelOptions(options, *state->engine, &spec));
  if (const core::Status allowed = CheckPermission(o); !allowed.ok()) return Fail(allowed);
  spec.warn = [&](std::string_view message) { state->Log(BITNET_LOG_WARNING, std::string(message)); };
  LoadAudit audit;
  audit.known_sha256 = o.sha256 != nullptr ? o.sha256 : "";
  audit.pre = spec.pre;
  audit.i2s_arm_layout = spec.i2s_arm_layout;
  audit.allow_suspicious_norms = spec.allow_suspicious_norms;
  audit.allow_dense_linears = spec.allow_dense_linears;
  audit.tokenizer_replaced = spec.tokenizer != nullptr;
  Prepare prepare;
  if (NeedsPreparation(o)) {
    prepare = [&](std::span<const std::byte> bytes, core::LoadSpec& s) { return PrepareLoad(o, bytes, &s, &audit); };
  }
  LoadedModel model = load(*state->engine, spec, prepare);
  if (!model.ok()) return Fail(model.status());
  if (o.hash != 0 || o.sha256 != nullptr) TokenizerSha256(*(*model)->tokenizer(), audit);  // receipts are wanted
  audit.load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  *out_model = new bitnet_model_t(state, *std::move(model), std::make_shared<LoadAudit>(std::move(audit)));
  return BITNET_OK;
}

LoadedModel LoadByReading(const core::Engine& engine, const core::LoadSpec& options, const Prepare& prepare,
                          bitnet_read_fn read, void* user_data, uint64_t n_bytes) {
  BN_ASSIGN_OR_RETURN(core::Buffer bytes, core::Buffer::Allocate(engine.allocator(), n_bytes));
  core::AskForHugePages(bytes.data(), n_bytes);
  constexpr uint64_t kPiece = 1 << 20;  // bytes asked for at once: progress can be shown, a slow source be left
  for (uint64_t at = 0; at < n_bytes; at += kPiece) {
    const uint64_t n = std::min(kPiece, n_bytes - at);
    if (read(at, bytes.as<std::byte>() + at, n, user_data) != 0) {
      return core::Status(core::Code::kIo, core::Cat("the read callback failed at byte ", at), "read", at);
    }
  }
  core::LoadSpec spec = options;
  if (prepare) BN_RETURN_IF_ERROR(prepare({bytes.as<std::byte>(), n_bytes}, spec));
  return core::Model::LoadBuffer(std::move(bytes), spec, engine.pool(), engine.allocator());
}

bitnet_status_t PutModelDigest(const bitnet_model_t* model, const core::Digest& (core::Model::*digest)() const,
                               char* out) {
  if (model == nullptr) return InvalidArgument("model is NULL");
  if (out == nullptr) return InvalidArgument("out_hex is NULL");
  PutHex((*model->model.*digest)(), out);
  return BITNET_OK;
}

}  // namespace

namespace bitnet::capi {

bitnet_status_t ReadModelOptions(const bitnet_model_options_t* options, const core::Engine& engine,
                                 core::LoadSpec* spec) {
  bitnet_model_options_t o;
  BN_TRY(ReadOptions(options, &o));
  if (o.reserved != 0) return InvalidArgument("reserved of bitnet_model_options_t is not 0");
  if (o.mode > BITNET_LOAD_MAP) return InvalidArgument(core::Cat("load mode is ", o.mode, ", expected 0 to 2"), "mode");
  for (const auto& [value, name] :
       {std::pair{o.verify, "verify"}, std::pair{o.i2s_arm_layout, "i2s_arm_layout"}, std::pair{o.hash, "hash"},
        std::pair{o.allow_suspicious_norms, "allow_suspicious_norms"},
        std::pair{o.allow_dense_linears, "allow_dense_linears"}, std::pair{o.allow_corrections, "allow_corrections"},
        std::pair{o.strict, "strict"}}) {
    if (value > 1) return InvalidArgument(core::Cat(name, " is ", value, ", expected 0 or 1"), name);
  }
  BN_TRY(CheckSha256(o.sha256));
  // A GPU gets every weight once: a copy on the way would be for nothing.
  spec->mode = o.mode == BITNET_LOAD_COPY                            ? core::LoadMode::kCopy
               : o.mode == BITNET_LOAD_AUTO && engine.gpus().empty() ? core::LoadMode::kAuto
                                                                     : core::LoadMode::kMap;
  spec->verify = o.verify != 0;
  spec->hash = o.hash != 0;
  spec->i2s_arm_layout = o.i2s_arm_layout != 0;
  spec->allow_suspicious_norms = o.allow_suspicious_norms != 0;
  spec->allow_dense_linears = o.allow_dense_linears != 0;
  if (o.pre != nullptr) spec->pre = o.pre;
  if (o.tokenizer != nullptr) spec->tokenizer = o.tokenizer->tokenizer;
  if (o.progress != nullptr) {
    spec->progress = [fn = o.progress, user_data = o.progress_user_data](uint64_t done, uint64_t total) {
      return fn(done, total, user_data) == 0;
    };
  }
  return BITNET_OK;
}

}  // namespace bitnet::capi

extern "C" {

bitnet_status_t bitnet_model_load(const bitnet_engine_t* engine, const char* path,
                                  const bitnet_model_options_t* options, bitnet_model_t** out_model) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    return Load(engine, options, out_model,
                [&](const core::Engine& e, core::LoadSpec& spec, const Prepare& prepare) -> LoadedModel {
                  if (path == nullptr) return core::Status(core::Code::kInvalidArgument, "path is NULL");
                  if (prepare) {
                    std::error_code ignored;  // what cannot be looked at cannot be mapped either
                    if (std::filesystem::is_directory(path, ignored)) return NeedsGguf();
                    BN_ASSIGN_OR_RETURN(const core::MappedFile mapped, core::MappedFile::Map(path));
                    BN_RETURN_IF_ERROR(prepare(mapped.bytes(), spec));
                  }
                  return core::Model::LoadFile(path, spec, e.pool(), e.allocator());
                });
  });
}

bitnet_status_t bitnet_model_load_memory(const bitnet_engine_t* engine, const void* data, size_t n_bytes,
                                         const bitnet_model_options_t* options, bitnet_model_t** out_model) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    return Load(engine, options, out_model,
                [&](const core::Engine& e, core::LoadSpec& spec, const Prepare& prepare) -> LoadedModel {
                  if (data == nullptr) return core::Status(core::Code::kInvalidArgument, "data is NULL");
                  const std::span<const std::byte> bytes(static_cast<const std::byte*>(data), n_bytes);
                  if (prepare) BN_RETURN_IF_ERROR(prepare(bytes, spec));
                  return core::Model::LoadMemory(bytes, spec, e.pool(), e.allocator());
                });
  });
}

bitnet_status_t bitnet_model_load_callback(const bitnet_engine_t* engine, bitnet_read_fn read, void* read_user_data,
                                           uint64_t n_bytes, const bitnet_model_options_t* options,
                                           bitnet_model_t** out_model) noexcept {
  return GuardCompute([&]() -> bitnet_status_t {
    return Load(engine, options, out_model,
                [&](const core::Engine& e, core::LoadSpec& spec, const Prepare& prepare) -> LoadedModel {
                  if (read == nullptr) return core::Status(core::Code::kInvalidArgument, "read is NULL");
                  return LoadByReading(e, spec, prepare, read, read_user_data, n_bytes);
                });
  });
}

void bitnet_model_free(bitnet_model_t* model) noexcept { delete model; }

bitnet_status_t bitnet_model_info(const bitnet_model_t* model, bitnet_model_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (model == nullptr) return InvalidArgument("model is NULL");
    BN_TRY(CheckOut(out_info));
    const core::Model& m = *model->model;
    const core::HParams& h = m.hparams();
    bitnet_model_info_t info = BITNET_MODEL_INFO_INIT;
    info.n_layers = h.n_layers;
    info.n_embd = h.n_embd;
    info.n_ff = h.n_ff;
    info.n_heads = h.n_heads;
    info.n_heads_kv = h.n_heads_kv;
    info.head_dim = h.head_dim;
    info.n_rot = h.n_rot;
    info.n_vocab = h.n_vocab;
    info.n_ctx_train = h.n_ctx_train;
    info.norm_eps = h.norm_eps;
    info.rope_base = h.rope_base;
    info.rope_linear_factor = h.rope_linear_factor;
    info.rope_adjacent = h.rope_adjacent;
    info.silu = h.activation == core::Activation::kSilu;
    info.sub_norms = h.sub_norms;
    info.tied_head = m.weights().output.kind == core::Matrix::Kind::kNone;
    info.corrected = m.corrected();
    info.n_dense_linears = m.n_dense_linears();
    info.n_params = m.n_params();
    info.size_bytes = m.size_bytes();
    info.buffer_bytes = m.buffer_bytes();
    info.mapped_bytes = m.mapped_bytes();
    info.architecture = model->architecture.c_str();
    info.architecture_key = model->architecture_key.c_str();
    info.name = model->name.c_str();
    info.quantization = model->quantization.c_str();
    info.path = model->path.c_str();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

const char* bitnet_model_detected(const bitnet_model_t* model) noexcept {
  return model == nullptr ? "" : model->detected.c_str();
}

const bitnet_tokenizer_t* bitnet_model_tokenizer(const bitnet_model_t* model) noexcept {
  return model == nullptr ? nullptr : &model->tokenizer;
}

const bitnet_file_t* bitnet_model_file(const bitnet_model_t* model) noexcept {
  return model == nullptr ? nullptr : &model->file;
}

bitnet_status_t bitnet_model_ternary_sha256(const bitnet_model_t* model,
                                            char out_hex[BITNET_SHA256_HEX_SIZE]) noexcept {
  return GuardCompute([&] { return PutModelDigest(model, &core::Model::TernarySha256, out_hex); });
}

bitnet_status_t bitnet_model_ternary_scales_sha256(const bitnet_model_t* model,
                                                   char out_hex[BITNET_SHA256_HEX_SIZE]) noexcept {
  return GuardCompute([&] { return PutModelDigest(model, &core::Model::TernaryScalesSha256, out_hex); });
}

}  // extern "C"
