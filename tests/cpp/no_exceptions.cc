// A host without exceptions: every error is a value.
#include <bitnet/bitnet.hpp>
#include <cstdio>
#include <string>

bitnet::Result<bitnet::Engine> MakeEngineInA();
bitnet::Result<bitnet::Model> LoadInB(const bitnet::Engine& engine);

namespace {

int g_failures = 0;
void Check(bool ok, const char* what) {
  if (ok) return;
  std::printf("failed: %s\n", what);
  ++g_failures;
}

}  // namespace

int main() {
  auto engine = MakeEngineInA();
  Check(engine.has_value(), "engine");
  if (!engine) return 1;
  const auto missing = bitnet::Model::load(*engine, "/no/such/model.gguf");
  Check(!missing && missing.error().status() == BITNET_E_NOT_FOUND, "a missing file is an error by value");
  auto model = LoadInB(*engine);
  Check(model.has_value(), "model");
  if (!model) return 1;
  auto session = bitnet::Session::create(*model);
  Check(session.has_value(), "session");
  if (!session) return 1;
  const bitnet::Message question{"user", "What is the capital of France?"};
  auto answer = session->chat({&question, 1});
  Check(answer.has_value(), "chat");
  if (!answer) return 1;
  std::string text;
  for (const bitnet::Step& step : *answer) text.append(step.text);
  Check(text == "The capital of France is Paris.", "the answer");
  const auto reason = answer->result();
  Check(reason && *reason == BITNET_STOP_ID, "the reason");
  return g_failures == 0 ? 0 : 1;
}
