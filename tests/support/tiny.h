// The tiny model, engines and sessions for tests of the runtime.
#ifndef BITNET_TESTS_SUPPORT_TINY_H_
#define BITNET_TESTS_SUPPORT_TINY_H_

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/runtime/session.h"
#include "support/catch.h"

namespace bitnet::test {

inline std::shared_ptr<core::Engine> MakeEngine(const std::string& target = "", uint32_t threads = 1) {
  core::EngineOptions options;
  options.target = target;
  options.threads = threads;
  auto engine = core::Engine::Create(std::move(options));
  REQUIRE(engine.ok());
  return *std::move(engine);
}

inline std::shared_ptr<const core::Model> LoadTiny(core::Engine& engine, const core::LoadSpec& spec = {}) {
  auto model = core::Model::LoadFile(BITNET_TINY_MODEL, spec, engine.pool(), engine.allocator());
  INFO(model.status().message());
  REQUIRE(model.ok());
  return *std::move(model);
}

inline std::unique_ptr<core::Session> MakeSession(std::shared_ptr<core::Engine> engine,
                                                  std::shared_ptr<const core::Model> model,
                                                  const core::SessionOptions& options = {}) {
  auto session = core::Session::Create(std::move(engine), std::move(model), options);
  INFO(session.status().message());
  REQUIRE(session.ok());
  return *std::move(session);
}

// SHA-256 of the logits of all rows that the last evaluation kept.
inline std::string LogitsSha256(core::Session& session) {
  core::Sha256 h;
  for (size_t i = 0; i < session.n_logits(); ++i) {
    auto row = session.Logits(i);
    REQUIRE(row.ok());
    h.Update(row->data(), row->size_bytes());
  }
  return core::ToHex(h.Finish());
}

// Rows by the name of their operation, on whatever device. From how many rows on one of the two ternary products gives
// way to the other is each device's own, so they count together.
inline std::map<std::string, uint64_t> RowsByOperation(const std::vector<core::KernelCalls>& kernels) {
  std::map<std::string, uint64_t> out;
  for (const core::KernelCalls& k : kernels) {
    const std::string name = k.id.substr(k.id.find('.') + 1);
    out[name == "ternary_gemv" || name == "ternary_gemm" ? "ternary" : name] += k.calls;
  }
  return out;
}

// Draws until the generation ends.
inline void Drain(core::Session& session) {
  for (;;) {
    auto step = session.Next();
    INFO(step.status().message());
    REQUIRE(step.ok());
    if (step->reason != core::StopReason::kNone) return;
  }
}

// The n most probable tokens, one after the other, from `prompt` on; what the session says of them.
inline core::RunFacts DrawGreedy(core::Session& session, std::span<const int32_t> prompt, size_t n) {
  core::GenerateOptions g;
  g.max_new_tokens = static_cast<uint32_t>(n);
  g.ignore_eos = true;
  REQUIRE(session.Begin(prompt, g).ok());
  Drain(session);
  return session.Facts();
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_SUPPORT_TINY_H_
