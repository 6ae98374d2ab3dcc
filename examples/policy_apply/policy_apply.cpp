// Corrections from C++: what a policy would do, applying it with the permission that it needs, and what the receipt
// says about it. usage: policy_apply [MODEL.gguf POLICY.yaml]; without arguments a harmless policy for the built-in
// model.
#include <bitnet/bitnet.hpp>
#include <bitnet/tiny.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace {

// Two corrections: one that no norm of the built-in model needs, and a factor of 1, which changes no bit.
constexpr const char* kHarmless = R"(version: 1
policies:
  - name: "demonstration"
    fingerprint: {type: metadata, architecture: "bitnet-b1.58", vocab_size: 1536}
    corrections:
      - type: layernorm_scale
        parameters: {target_rms: 1.0, layers: all}
        preconditions: [{rms_out_of_range: [0.1, 10]}]
      - type: attention_scale
        parameters: {scale_factor: 1, apply_to: all_layers}
)";

std::string read(const char* path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void show(const bitnet::Validation& validation) {
  for (const bitnet_correction_t& c : validation.corrections()) {
    std::cout << c.policy << ": " << c.type << ' ' << bitnet_policy_verdict_name(c.verdict) << ", " << c.n_layers
              << " layers, factor " << c.factor_min << " to " << c.factor_max << ' ' << c.reason << '\n';
  }
  std::cout << "status: " << bitnet_policy_verdict_name(validation.info().verdict) << '\n';
}

}  // namespace

int main(int argc, char** argv) try {
  const bool given = argc == 3;
  const auto policy = bitnet::Policy::parse(given ? read(argv[2]) : kHarmless, given ? argv[2] : "").value();
  const auto file = given ? bitnet::File::open(argv[1]).value() : bitnet::File::open(bitnet::tiny_model()).value();
  const auto validation = policy.validate(file).value();
  show(validation);
  if (validation.info().verdict != BITNET_POLICY_READY) return 1;

  const auto engine = bitnet::Engine::create().value();
  bitnet::ModelOptions options;
  options.policy = policy.capi();
  options.allow_corrections = 1;  // one without the other is refused
  const auto model = given ? bitnet::Model::load(engine, argv[1], options).value()
                           : bitnet::Model::load(engine, bitnet::tiny_model(), options).value();

  auto session = bitnet::Session::create(model).value();
  bitnet::GenerateOptions generate;
  generate.max_new_tokens = 24;
  auto story = session.generate(model.tokenizer().encode("Once upon a time").value(), generate).value();
  for (const bitnet::Step& step : story) std::cout << step.text;
  std::cout << '\n';

  // The receipt tells, and a reader who does not expect corrections refuses it.
  const std::string receipt = bitnet::receipt(session).value();
  bitnet::VerifyOptions allow;
  allow.allow_corrections = 1;
  std::cout << "receipt without permission: "
            << (bitnet::Verification::verify(receipt).value().accepted() ? "accepted" : "rejected")
            << ", with permission: "
            << (bitnet::Verification::verify(receipt, allow).value().accepted() ? "accepted" : "rejected") << '\n';
  return 0;
} catch (const bitnet::Exception& e) {
  std::cerr << "policy_apply: " << e.what() << '\n';
  return 1;
}
