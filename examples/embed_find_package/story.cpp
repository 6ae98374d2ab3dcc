// Tells a story of the embedded model through the installed C++ interface.
#include <bitnet/bitnet.hpp>
#include <bitnet/tiny.hpp>
#include <iostream>

int main() {
  const auto engine = bitnet::Engine::create().value();
  const auto model = bitnet::Model::load(engine, bitnet::tiny_model()).value();
  auto session = bitnet::Session::create(model).value();
  const bitnet::Message question{"user", "Tell me a story."};
  auto answer = session.chat({&question, 1}).value();
  for (const bitnet::Step& step : answer) std::cout << step.text;
  return answer.result().value() == BITNET_STOP_NONE;
}
