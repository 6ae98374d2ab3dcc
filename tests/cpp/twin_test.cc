// The C++ twin over the real library: handles, ranges, errors, and the same bits as C.
#include <bitnet/bitnet.hpp>
#include <bitnet/tiny.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#if __has_include(<span>)
#include <span>
#endif

#include "support/catch.h"

namespace {

using bitnet::Engine;
using bitnet::Generation;
using bitnet::Message;
using bitnet::Model;
using bitnet::Session;
using bitnet::Step;
using bitnet::Tokens;

template <typename T>
constexpr bool kMoveOnly =
    std::is_move_constructible_v<T>&& std::is_move_assignable_v<T> && !std::is_copy_constructible_v<T> &&
    !std::is_copy_assignable_v<T> && std::is_nothrow_move_constructible_v<T>;
static_assert(kMoveOnly<Engine>);
static_assert(kMoveOnly<Model>);
static_assert(kMoveOnly<Session>);
static_assert(kMoveOnly<bitnet::Tokenizer>);
static_assert(kMoveOnly<bitnet::File>);
static_assert(kMoveOnly<bitnet::Facts>);
static_assert(sizeof(bitnet::EngineOptions) == sizeof(bitnet_engine_options_t));
static_assert(sizeof(bitnet::ModelOptions) == sizeof(bitnet_model_options_t));
static_assert(sizeof(bitnet::SessionOptions) == sizeof(bitnet_session_options_t));
static_assert(sizeof(bitnet::GenerateOptions) == sizeof(bitnet_generate_options_t));

struct Fixture {
  Engine engine = Engine::create().value();
  Model model = Model::load(engine, bitnet::tiny_model()).value();
  Session session = Session::create(model).value();
  Message question{"user", "What is the capital of France?"};
};

std::string Text(Generation& generation) {
  std::string text;
  for (const Step& step : generation) text.append(step.text);
  return text;
}

TEST_CASE_METHOD(Fixture, "an answer is a range of steps with an end and a reason", "[cpp]") {
  auto answer = session.chat({&question, 1}).value();
  static_assert(std::is_same_v<std::iterator_traits<Generation::iterator>::value_type, Step>);
  CHECK(Text(answer) == "The capital of France is Paris.");
  CHECK(answer.result().value() == BITNET_STOP_ID);
  CHECK(session.generated_text().value() == "The capital of France is Paris.");
  const Tokens tokens = session.generated_tokens().value();
  CHECK(tokens.size() > 3);
  CHECK(answer.begin() == answer.end());  // it is over
}

TEST_CASE_METHOD(Fixture, "a range can be left early and taken up again", "[cpp]") {
  auto answer = session.chat({&question, 1}).value();
  std::string text;
  for (const Step& step : answer) {
    text.append(step.text);
    if (text.size() > 5) break;
  }
  text += Text(answer);
  CHECK(text == "The capital of France is Paris.");
}

TEST_CASE_METHOD(Fixture, "a failure inside a range ends it and is told afterwards", "[cpp]") {
  auto answer = session.chat({&question, 1}).value();
  session.clear().value();  // the generation is gone
  int n = 0;
  for (const Step& step : answer) n += step.token >= 0;
  CHECK(n == 0);
  const auto result = answer.result();
  REQUIRE(!result);
  CHECK(result.error().status() == BITNET_E_BAD_STATE);
  CHECK(!result.error().message().empty());
}

TEST_CASE_METHOD(Fixture, "errors by value and by exception carry the library's detail", "[cpp]") {
  const auto missing = Model::load(engine, "/no/such/model.gguf");
  REQUIRE(!missing);
  CHECK(missing.error().status() == BITNET_E_NOT_FOUND);
  CHECK(missing.error().message().find("/no/such/model.gguf") != std::string::npos);
  CHECK_THROWS_AS(Model::load(engine, std::string("/no/such/model.gguf")).value(), bitnet::Exception);
  bitnet::EngineOptions options;
  options.target = "z80";
  try {
    (void)Engine::create(options).value();
    FAIL("nothing was thrown");
  } catch (const bitnet::Exception& e) {
    CHECK(e.error().what() == "target");
  }
}

TEST_CASE_METHOD(Fixture, "moving a handle moves the object, and its views stay", "[cpp]") {
  const Tokens prompt = model.tokenizer().encode("One day").value();
  session.eval(prompt).value();
  Session moved = std::move(session);
  CHECK(moved.info().position == prompt.size());
  session = Session::create(model).value();
  std::swap(session, moved);
  CHECK(session.info().position == prompt.size());
  CHECK(moved.info().position == 0);
  const Model other = std::move(model);
  CHECK(other.info().n_layers == 6);
  CHECK(session.tokens().value() == prompt);
}

TEST_CASE_METHOD(Fixture, "views of logits cost no copy and convert to std::span", "[cpp]") {
  const Tokens prompt = model.tokenizer().encode("One day").value();
  session.eval(prompt, BITNET_WANT_ALL).value();
  const bitnet::Span<const float> row = session.logits(1).value();
  CHECK(row.size() == 1536);
  CHECK(session.logits(1).value().data() == row.data());
#if defined(__cpp_lib_span)
  const std::span<const float> standard = row;
  CHECK(standard.data() == row.data());
  const bitnet::Span<const float> back = standard;
  CHECK(back.data() == row.data());
#endif
  const auto top = session.top(5, 1).value();
  REQUIRE(top.size() == 5);
  CHECK(top[0].logit == *std::max_element(row.begin(), row.end()));
  CHECK(top[0].log_probability < 0);
  CHECK(!session.logits(prompt.size()));
}

TEST_CASE_METHOD(Fixture, "fork, roll back, save, load and batch through the twin", "[cpp]") {
  const Tokens prompt = model.tokenizer().encode("Once upon a time").value();
  bitnet::GenerateOptions options;
  options.max_new_tokens = 10;
  const auto digest = [&](Session& s, const Tokens& more) {
    auto g = s.generate(more, options).value();
    Text(g);
    return std::string(s.facts().value().info().logits_sha256);
  };
  Session alone = Session::create(model).value();
  const std::string want = digest(alone, prompt);
  CHECK(want.size() == 64);

  session.eval(prompt, BITNET_WANT_LAST).value();
  Session fork = session.fork().value();
  const auto state = session.save().value();
  Session loaded = Session::create(model).value();
  loaded.load(state).value();
  for (Session* s : {&session, &fork, &loaded}) {
    s->roll_back(static_cast<std::uint32_t>(prompt.size() - 1)).value();
    CHECK(digest(*s, {prompt.back()}) == want);
  }
  session.clear().value();
  fork.clear().value();
  const Session::BatchItem items[] = {{&session, prompt}, {&fork, prompt}};
  Session::eval_batch(items).value();
  CHECK(digest(session, {}) == want);
  CHECK(digest(fork, {}) == want);
}

TEST_CASE("a comparison of two files", "[cpp]") {
  const auto diff = bitnet::Diff::of(BITNET_TINY_MODEL, BITNET_TINY_MODEL).value();
  CHECK(diff.info().equal == 1);
  CHECK(diff.tensors().size() == 68);
  CHECK(diff.tensors()[0].outcome == BITNET_DIFF_EQUAL);
  CHECK(diff.metadata().empty());
  CHECK(diff.json().value().find("\"equal\": true") != std::string::npos);
  const auto missing = bitnet::Diff::of(BITNET_TINY_MODEL, "/absent.gguf");
  REQUIRE_FALSE(missing);
  CHECK(missing.error().status() == BITNET_E_NOT_FOUND);
}

TEST_CASE_METHOD(Fixture, "files, tokenizers, targets and devices", "[cpp]") {
  const auto file = bitnet::File::open(bitnet::tiny_model()).value();
  CHECK(file.metadata("general.architecture").value() == "bitnet-b1.58");
  CHECK(!file.metadata("no.such.key"));
  CHECK(file.metadata().size() == file.info().n_metadata);
  CHECK(file.tensors().size() == file.info().n_tensors);
  CHECK(file.sha256().value() == model.file().sha256().value());
  CHECK(bitnet::memory(file, engine).value().n_ctx == 512);

  const auto tokenizer = bitnet::Tokenizer::load(bitnet::tiny_model()).value();
  const Tokens ids = tokenizer.encode("Hello there").value();
  CHECK(tokenizer.decode(ids, BITNET_DECODE_SKIP_CONTROL).value() == "Hello there");
  CHECK(tokenizer.apply_chat({&question, 1}).value() == model.tokenizer().apply_chat({&question, 1}).value());
  CHECK(!tokenizer.stop_ids().value().empty());
  CHECK(tokenizer.info().n_vocab == 1536);
  const Message empty{"user", ""};
  CHECK(tokenizer.apply_chat({&empty, 1}).value().size() < tokenizer.apply_chat({&question, 1}).value().size());
  CHECK(tokenizer.encode({}).value() == Tokens{1531});

  REQUIRE(!bitnet::targets().empty());
  CHECK(bitnet::targets()[0].available == 1);
  CHECK(bitnet::self_test("portable").value().n_different == 0);
  CHECK(bitnet::devices().size() >= 2);  // the CPU, and GPUs or their empty place
  CHECK(engine.info().target == std::string(bitnet::targets()[0].name));
  CHECK(model.ternary_sha256().value().size() == 64);
  CHECK(model.ternary_scales_sha256().value().size() == 64);
}

}  // namespace
