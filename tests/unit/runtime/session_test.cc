#include "core/runtime/session.h"

#include <algorithm>
#include <thread>

#include "support/golden.h"
#include "support/hf_folder.h"
#include "support/tiny.h"

namespace bitnet {
namespace {

using namespace test;  // NOLINT: helpers of the tests
using core::Code;
using core::Want;

std::vector<int32_t> Greedy(core::Session& s, std::span<const int32_t> prompt, uint32_t n) {
  core::GenerateOptions g;
  g.max_new_tokens = n;
  g.ignore_eos = true;
  REQUIRE(s.Begin(prompt, g).ok());
  Drain(s);
  return {s.generated_tokens().begin(), s.generated_tokens().end()};
}

struct Fixture {
  std::shared_ptr<core::Engine> engine = MakeEngine("", 2);
  std::shared_ptr<const core::Model> model = LoadTiny(*engine);
  std::vector<GoldenPrompt> prompts = GoldenPrompts();
  std::unique_ptr<core::Session> session(uint32_t n_ctx = 0) const {
    core::SessionOptions options;
    options.n_ctx = n_ctx;
    return MakeSession(engine, model, options);
  }
};

TEST_CASE_METHOD(Fixture, "a batch of sessions gives each what it gives alone", "[runtime][session]") {
  std::vector<std::unique_ptr<core::Session>> batch, alone;
  std::vector<core::Session::BatchItem> items;
  for (size_t i = 0; i < 3; ++i) {
    batch.push_back(session());
    alone.push_back(session());
    // The first two start at other positions, so that the batch mixes positions.
    if (i < 2) {
      REQUIRE(batch[i]->Eval(prompts[i].tokens).ok());
      REQUIRE(alone[i]->Eval(prompts[i].tokens).ok());
    }
    items.push_back({batch[i].get(), prompts[i + 2].tokens, Want::kAll});
    REQUIRE(alone[i]->Eval(prompts[i + 2].tokens, Want::kAll).ok());
  }
  REQUIRE(core::Session::EvalBatch(items).ok());
  for (size_t i = 0; i < 3; ++i) {
    CHECK(batch[i]->n_logits() == prompts[i + 2].tokens.size());
    CHECK(LogitsSha256(*batch[i]) == LogitsSha256(*alone[i]));
    CHECK(batch[i]->Facts().n_evaluated_tokens == alone[i]->Facts().n_evaluated_tokens);
    CHECK(Greedy(*batch[i], {}, 8) == Greedy(*alone[i], {}, 8));
  }
}

TEST_CASE_METHOD(Fixture, "roll back, fork, save and load continue as if nothing had happened", "[runtime][session]") {
  const auto& tokens = prompts[0].tokens;
  const auto a = session();
  const std::vector<int32_t> want = Greedy(*a, tokens, 12);
  REQUIRE(a->RollBack(4).ok());
  CHECK(a->position() == 4);
  CHECK(Greedy(*a, std::span(tokens).subspan(4), 12) == want);

  REQUIRE(a->RollBack(static_cast<uint32_t>(tokens.size()) - 1).ok());
  auto fork = a->Fork();
  REQUIRE(fork.ok());
  auto state = a->Save();
  REQUIRE(state.ok());
  a->Clear();
  CHECK(a->position() == 0);
  CHECK(Greedy(**fork, std::span(tokens).last(1), 12) == want);
  const auto b = session();
  REQUIRE(b->Load(*state).ok());
  CHECK(b->position() == tokens.size() - 1);
  CHECK(Greedy(*b, std::span(tokens).last(1), 12) == want);
}

TEST_CASE_METHOD(Fixture, "a state that does not fit is refused and changes nothing", "[runtime][session]") {
  const auto a = session();
  REQUIRE(a->Eval(prompts[0].tokens).ok());
  auto state = *a->Save();
  core::SessionOptions f32;
  f32.kv_type = kernels::Dense::kF32;
  CHECK(MakeSession(engine, model, f32)->Load(state).code() == Code::kModelMismatch);
  CHECK(session(4)->Load(state).code() == Code::kContextFull);
  auto other_model = state;
  other_model[8] ^= std::byte{1};
  CHECK(a->Load(other_model).code() == Code::kModelMismatch);
  CHECK(a->position() == prompts[0].tokens.size());
  auto bad_token = state;
  bad_token[56 + 3] = std::byte{0x7f};
  CHECK(a->Load(bad_token).code() == Code::kBadFormat);
  for (size_t n = 0; n < state.size(); n += 1 + state.size() / 50) {
    CHECK_FALSE(a->Load(std::span(state).first(n)).ok());
  }
  CHECK(a->position() == prompts[0].tokens.size());
}

TEST_CASE_METHOD(Fixture, "a state of the same file read in another layout is another model's", "[runtime][session]") {
  core::LoadSpec arm;
  arm.i2s_arm_layout = true;
  const auto other = MakeSession(engine, LoadTiny(*engine, arm));
  const auto a = session();
  REQUIRE(a->Eval(prompts[0].tokens).ok());
  CHECK(other->Load(*a->Save()).code() == Code::kModelMismatch);
  REQUIRE(other->Eval(prompts[0].tokens).ok());
  CHECK(a->Load(*other->Save()).code() == Code::kModelMismatch);
}

TEST_CASE_METHOD(Fixture, "a state belongs to the config.json beside its SafeTensors", "[runtime][session]") {
  const Folder folder;
  const HfModel hf;
  core::LoadSpec spec;
  const std::string gguf = hf.small.Builder().Build();
  const auto with_tokenizer =
      core::Model::LoadMemory(std::as_bytes(std::span(gguf)), spec, engine->pool(), engine->allocator());
  INFO(with_tokenizer.status().message());
  REQUIRE(with_tokenizer.ok());
  spec.tokenizer = (*with_tokenizer)->tokenizer();
  folder.Write("model.safetensors", Safetensors(hf.Tensors()));
  const auto load = [&](const std::string& config) {
    folder.Write("config.json", config);
    auto loaded = core::Model::LoadFile(folder.path(), spec, engine->pool(), engine->allocator());
    INFO(loaded.status().message());
    REQUIRE(loaded.ok());
    return *std::move(loaded);
  };
  const std::string config = hf.Config();
  std::string other_base = config;
  other_base.replace(other_base.find("500000.0"), 8, "10000.0");
  const auto a = MakeSession(engine, load(config)), same = MakeSession(engine, load(config)),
             other = MakeSession(engine, load(other_base));
  const std::vector<int32_t> tokens = {1, 2, 3};
  REQUIRE(a->Eval(tokens).ok());
  const auto state = a->Save();
  REQUIRE(state.ok());
  CHECK(same->Load(*state).ok());
  CHECK(other->Load(*state).code() == Code::kModelMismatch);
}

TEST_CASE_METHOD(Fixture, "a full context is an error before anything is computed, never a wrap",
                 "[runtime][session]") {
  const auto s = session(10);
  CHECK(s->n_ctx() == 10);
  REQUIRE(s->Eval(prompts[0].tokens).ok());
  const std::vector<int32_t> three = {1, 2, 3};
  const auto status = s->Eval(three);
  CHECK(status.code() == Code::kContextFull);
  CHECK(std::string(status.message()).find("8 tokens in it and 3 more, it holds 10") != std::string::npos);
  CHECK(s->position() == 8);
  CHECK(Greedy(*s, {}, 100).size() == 0 + 3);  // two fill the context, the third cannot be evaluated
  CHECK(s->stop_reason() == core::StopReason::kContext);
}

TEST_CASE_METHOD(Fixture, "bad calls are refused by name", "[runtime][session]") {
  const auto s = session();
  const std::vector<int32_t> out_of_range = {1, 1536}, negative = {-1}, fine = {1};
  CHECK(s->Eval(out_of_range).code() == Code::kInvalidArgument);
  CHECK(s->Eval(negative).code() == Code::kInvalidArgument);
  CHECK(s->Eval({}).code() == Code::kInvalidArgument);
  CHECK(s->Next().status().code() == Code::kBadState);
  CHECK(s->Begin({}, {}).code() == Code::kBadState);
  CHECK(s->RollBack(1).code() == Code::kInvalidArgument);
  CHECK(s->Logits(0).status().code() == Code::kInvalidArgument);
  const core::Session::BatchItem twice[] = {{s.get(), fine}, {s.get(), fine}};
  CHECK(core::Session::EvalBatch(twice).code() == Code::kInvalidArgument);
  core::SessionOptions large;
  large.n_ctx = 513;
  CHECK(core::Session::Create(engine, model, large).status().code() == Code::kInvalidArgument);
}

TEST_CASE_METHOD(Fixture, "cancel ends a generation, and the next one runs", "[runtime][session]") {
  const auto s = session();
  core::GenerateOptions g;
  g.max_new_tokens = 400;
  g.ignore_eos = true;
  REQUIRE(s->Begin(prompts[0].tokens, g).ok());
  REQUIRE(s->Next().ok());
  std::thread([&] { s->Cancel(); }).join();
  Drain(*s);
  CHECK(s->stop_reason() == core::StopReason::kCancelled);
  CHECK(s->generated_tokens().size() == 1);
  s->Clear();
  CHECK(Greedy(*s, prompts[0].tokens, 5).size() == 5);
}

TEST_CASE_METHOD(Fixture, "top entries are the head of all logits in order", "[runtime][session]") {
  const auto s = session();
  REQUIRE(s->Eval(prompts[0].tokens).ok());
  const auto top = s->Top(0);
  REQUIRE(top.ok());
  const auto logits = s->Logits(0);
  REQUIRE(logits.ok());
  CHECK(top->size() == 256);
  for (size_t i = 0; i < top->size(); ++i) {
    CHECK((*logits)[(*top)[i].id] == (*top)[i].logit);
    if (i > 0) CHECK((*top)[i - 1].logit >= (*top)[i].logit);
  }
  CHECK(*std::max_element(logits->begin(), logits->end()) == (*top)[0].logit);
}

TEST_CASE_METHOD(Fixture, "facts count the rows that ran, whatever the threads and chunks", "[runtime][session]") {
  core::SessionOptions chunked;
  chunked.chunk = 3;
  const auto a = session();
  const auto b = MakeSession(MakeEngine("", 1), model, chunked);
  Greedy(*a, prompts[0].tokens, 5);
  Greedy(*b, prompts[0].tokens, 5);
  const auto ternary_rows = [](const core::RunFacts& f) {
    uint64_t n = 0;
    for (const auto& k : f.kernels) n += k.id.find(".ternary_") != std::string::npos ? k.calls : 0;
    return n;
  };
  const uint64_t rows = prompts[0].tokens.size() + 4;  // the fifth draw is not evaluated
  CHECK(a->Facts().n_evaluated_tokens == rows);
  CHECK(ternary_rows(a->Facts()) == 7 * model->hparams().n_layers * rows);
  CHECK(ternary_rows(b->Facts()) == 7 * model->hparams().n_layers * rows);
  CHECK(a->Facts().n_generated_tokens == 5);
}

}  // namespace
}  // namespace bitnet
