// Three conversations decoded together: one pass of the weights serves all of them, and each gets the tokens that it
// would get alone.
#include <bitnet/bitnet.hpp>
#include <bitnet/tiny.hpp>
#include <iostream>
#include <string>
#include <vector>

namespace {

struct Conversation {
  bitnet::Session session;
  bitnet::Tokens next;    // what the next pass evaluates: first the prompt, then one token
  bitnet::Tokens answer;  // what was chosen so far
};

std::string answer_alone(const bitnet::Model& model, const bitnet::Message& question) {
  auto session = bitnet::Session::create(model).value();
  std::string text;
  auto answer = session.chat({&question, 1}).value();
  for (const bitnet::Step& step : answer) text += step.text;
  answer.result().value();
  return text;
}

}  // namespace

int main() try {
  const std::vector<bitnet::Message> questions = {
      {"user", "What is the capital of France?"}, {"user", "What does a cow say?"}, {"user", "Tell me a story."}};
  const auto engine = bitnet::Engine::create().value();
  const auto model = bitnet::Model::load(engine, bitnet::tiny_model()).value();
  const auto tokenizer = model.tokenizer();
  const bitnet::Tokens stop_ids = tokenizer.stop_ids().value();
  const auto stops = [&](std::int32_t id) {
    for (const std::int32_t stop : stop_ids) {
      if (id == stop) return true;
    }
    return false;
  };

  std::vector<Conversation> conversations;
  for (const bitnet::Message& question : questions) {
    conversations.push_back({bitnet::Session::create(model).value(), tokenizer.apply_chat({&question, 1}).value(), {}});
  }

  int passes = 0;
  for (;;) {
    // The sessions that still talk, each with its new tokens.
    std::vector<bitnet::Session::BatchItem> batch;
    for (Conversation& c : conversations) {
      if (!c.next.empty()) batch.push_back({&c.session, c.next});
    }
    if (batch.empty()) break;
    bitnet::Session::eval_batch(batch).value();
    ++passes;
    for (Conversation& c : conversations) {
      if (c.next.empty()) continue;
      const std::int32_t id = c.session.top(1).value()[0].token;  // greedy
      c.next.clear();
      if (stops(id) || c.answer.size() == 128) continue;
      c.answer.push_back(id);
      c.next.push_back(id);
    }
  }

  bool same = true;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const std::string text = tokenizer.decode(conversations[i].answer).value();
    std::cout << questions[i].content << '\n' << text << "\n\n";
    same = same && text == answer_alone(model, questions[i]);
  }
  std::cout << passes << " passes; " << (same ? "each answer as if alone\n" : "the answers DIFFER from those alone\n");
  return same ? 0 : 1;
} catch (const bitnet::Exception& e) {
  std::cerr << e.what() << '\n';
  return 1;
}
