// Answers one question; built together with the library.
#include <bitnet/bitnet.hpp>
#include <bitnet/tiny.hpp>
#include <iostream>

int main() try {
  const auto engine = bitnet::Engine::create().value();
  const auto model = bitnet::Model::load(engine, bitnet::tiny_model()).value();
  auto session = bitnet::Session::create(model).value();
  const bitnet::Message question{"user", "What is the capital of France?"};
  auto answer = session.chat({&question, 1}).value();
  for (const bitnet::Step& step : answer) std::cout << step.text;
  std::cout << '\n';
  return answer.result().value() == BITNET_STOP_ID ? 0 : 1;
} catch (const bitnet::Exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
