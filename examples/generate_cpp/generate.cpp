// Sampled text from C++: options, a range over tokens, errors by value and by exception, and what really ran.
#include <bitnet/bitnet.hpp>
#include <bitnet/tiny.hpp>
#include <iostream>
#include <string>

namespace {

bitnet::Result<bitnet::Model> load(const bitnet::Engine& engine, const char* path) {
  if (path != nullptr) return bitnet::Model::load(engine, path);
  return bitnet::Model::load(engine, bitnet::tiny_model());
}

void generate(bitnet::Session& session, const bitnet::Tokens& prompt) {
  bitnet::GenerateOptions options;  // all at their defaults
  options.max_new_tokens = 60;
  options.temperature = 0.8f;
  options.top_k = 40;
  options.seed = 158;  // the same seed gives the same text on every machine
  auto story = session.generate(prompt, options).value();
  for (const bitnet::Step& step : story) std::cout << step.text << std::flush;
  const bitnet_stop_reason_t reason = story.result().value();
  std::cout << "\n[" << bitnet_stop_reason_name(reason) << "]\n";
}

void report(const bitnet::Session& session) {
  const bitnet::Facts facts = session.facts().value();
  const bitnet_facts_info_t info = facts.info();
  std::cout << info.n_generated_tokens << " tokens on " << info.target << ", logits " << info.logits_sha256 << '\n';
  for (const bitnet_kernel_t& kernel : facts.kernels()) std::cout << "  " << kernel.id << ' ' << kernel.calls << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const auto engine = bitnet::Engine::create().value();

  // An error by value: nothing is thrown until .value() is asked for.
  const auto model = load(engine, argc > 1 ? argv[1] : nullptr);
  if (!model) {
    std::cerr << "cannot load the model: " << model.error().message() << '\n';
    return 1;
  }
  auto session = bitnet::Session::create(*model).value();
  generate(session, model->tokenizer().encode("Once upon a time").value());
  report(session);
  return 0;
} catch (const bitnet::Exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
