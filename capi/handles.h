// What stands behind the opaque handles. Each keeps alive all that it needs, so handles are freed in any order.
#ifndef BITNET_CAPI_HANDLES_H_
#define BITNET_CAPI_HANDLES_H_

#include <bitnet/bitnet.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "capi/load_audit.h"
#include "core/base/mapped_file.h"
#include "core/format/gguf.h"
#include "core/model/model.h"
#include "core/runtime/engine.h"
#include "core/runtime/session.h"
#include "core/tokenizer/tokenizer.h"

namespace bitnet::capi {

// An engine with what the host handed in. Buffers point to `allocator`, so whatever owns one holds this too, and
// releases it last.
struct EngineState {
  bitnet_allocator_t allocator{};
  bitnet_log_fn log = nullptr;
  void* log_user_data = nullptr;
  std::shared_ptr<core::Engine> engine;

  void Log(bitnet_log_level_t level, const std::string& message) const {
    if (log != nullptr) log(level, message.c_str(), log_user_data);
  }
};

}  // namespace bitnet::capi

struct bitnet_engine_t {
  std::shared_ptr<const bitnet::capi::EngineState> state;
};

struct bitnet_file_t {
  // A view of a parsed header; texts are copied, since C needs a NUL behind them.
  bitnet_file_t(const bitnet::core::Gguf& header, std::span<const std::byte> file);

  bitnet::core::MappedFile mapped;  // owns `bytes` of a file that was opened by path
  bitnet::core::Gguf owned;         // owns the header of a file without a model
  std::span<const std::byte> bytes;
  const bitnet::core::Gguf* gguf;
  const bitnet::core::Model* model = nullptr;  // that this file belongs to
  std::vector<std::string> keys;
  std::vector<std::string> tensor_names;
};

struct bitnet_tokenizer_t {
  explicit bitnet_tokenizer_t(std::shared_ptr<const bitnet::core::Tokenizer> t);

  std::shared_ptr<const bitnet::core::Tokenizer> tokenizer;
  std::string model, pre, chat_form;
};

struct bitnet_model_t {
  bitnet_model_t(std::shared_ptr<const bitnet::capi::EngineState> engine_state,
                 std::shared_ptr<const bitnet::core::Model> loaded,
                 std::shared_ptr<const bitnet::capi::LoadAudit> load_audit);

  std::shared_ptr<const bitnet::capi::EngineState> state;
  std::shared_ptr<const bitnet::core::Model> model;
  bitnet_tokenizer_t tokenizer;
  bitnet_file_t file;
  std::string architecture, architecture_key, name, quantization, path, detected;
  std::shared_ptr<const bitnet::capi::LoadAudit> audit;
};

struct bitnet_session_t {
  std::shared_ptr<const bitnet::capi::EngineState> state;
  std::unique_ptr<bitnet::core::Session> session;
  std::shared_ptr<const bitnet::capi::LoadAudit> audit;  // of its model
  std::string step_text;                                 // of the last step
  mutable std::atomic<int32_t> users{0};                 // calls inside: -1 one that changes, n > 0 readers
  mutable std::atomic<bool> freed{false};                // by a callback inside a call; that call deletes it
};

struct bitnet_facts_t {
  bitnet::core::RunFacts facts;
  std::string logits_sha256;
  std::string gpu;  // names
};

#endif  // BITNET_CAPI_HANDLES_H_
