// bitnet bench: speed, as a share of what the machine can do at most.
#include <bitnet/experimental.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "api_error.h"
#include "command.h"
#include "failure.h"
#include "generation.h"
#include "interrupt.h"
#include "machine_limits.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

struct BenchFlags {
  ModelFlags model;
  SessionFlags session;
  uint32_t n_prompt = 512;
  uint32_t n_generate = 64;
  std::vector<int32_t> depths = {0};  // tokens in the context before those that are generated
  std::vector<int32_t> threads;
  uint32_t n_repeats = 5;
  std::string format = "md";
  bool profile = false;
  bool json = false;
};

struct Spread {
  double median = 0, min = 0, max = 0;
};

struct ProfileRow {
  std::string part;
  double seconds = 0;
};

constexpr double kNotMeasured = std::numeric_limits<double>::quiet_NaN();  // null in JSON

struct Measured {
  std::string test;  // "pp512", "tg64", "tg64@4000"
  uint32_t threads = 0;
  Spread tokens_per_s{};
  double bytes_per_s = kNotMeasured;          // tg: weights and cache that were read
  double cache_bytes_per_s = kNotMeasured;    // of these, the cache
  double multiply_adds_per_s = kNotMeasured;  // pp: products with ternary weights
  double limit_fraction = 0;                  // of the limit measured in this run
  std::vector<ProfileRow> profile{};          // of one more run, with --profile
};

struct ThreadReport {
  uint32_t threads = 0;
  MachineLimits limits;
  double load_ms = 0;
  uint64_t mapped_bytes = 0, owned_bytes = 0;  // of the weights
  double time_to_first_token_ms = kNotMeasured;
};

struct BenchReport {
  std::string target, device, gpu;
  bool on_gpu = false;  // alone: the limits are then the GPU's
  std::string model_name, quantization;
  uint64_t model_bytes = 0;
  Json model;  // the "model" object
  std::vector<ThreadReport> per_threads;
  std::vector<Measured> results;
  PeakMemory peak_memory;
};

// What one token costs: known from the tensors, the same for every kernel.
struct TokenCost {
  double ternary_weights = 0;  // products of a token in prefill
  double decode_bytes = 0;     // weights that a token reads: codes at 2 bits, the rest as it lies in the file
  double cache_bytes_per_position = 0;
};

TokenCost CostOf(const Model& model, const SessionFlags& flags) {
  const bitnet_model_info_t m = model.info();
  TokenCost cost;
  for (const bitnet_tensor_t& tensor : model.file().tensors()) {
    const double n_elements =
        static_cast<double>(tensor.shape[0] * tensor.shape[1] * tensor.shape[2] * tensor.shape[3]);
    const double read_bytes = static_cast<double>(tensor.n_bytes) / (std::string_view(tensor.type) == "F64" ? 2 : 1);
    const std::string_view name = tensor.name;
    if (name == "token_embd.weight") {
      if (m.tied_head) cost.decode_bytes += read_bytes;
    } else if (tensor.n_dims == 2 && name.starts_with("blk.")) {
      cost.ternary_weights += n_elements;
      cost.decode_bytes += n_elements / 4;
    } else {
      cost.decode_bytes += read_bytes;  // F64 as f32
    }
  }
  cost.cache_bytes_per_position = 2.0 * m.n_layers * m.n_heads_kv * m.head_dim * (flags.kv == "f32" ? 4 : 2);
  return cost;
}

Spread SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  const double median = values.size() % 2 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

// Ids spread over the vocabulary: text would do as well, random weights do not care.
Tokens SomeTokens(size_t n, uint32_t n_vocab) {
  Tokens tokens(n);
  for (size_t i = 0; i < n; ++i) tokens[i] = static_cast<int32_t>((i * 7919 + 13) % n_vocab);
  return tokens;
}

// Of the first GPU: one queue of work runs on it at a time, so one device is the yardstick.
MachineLimits GpuLimits() {
  MachineLimits limits;
  Get(Result<void>::from(bitnet_x_gpu_limits(0, &limits.read_bytes_per_s, &limits.multiply_adds_per_s)));
  return limits;
}

double PromptSeconds(Session& session, const Tokens& tokens) {
  Get(session.clear());
  const double start = Now();
  Get(session.eval(tokens));
  Get(session.top(1));  // up to where a token could be drawn
  return Now() - start;
}

// Seconds of n tokens after the first one, in a context of `depth` tokens. Those are evaluated only when they are not
// there yet.
double GenerateSeconds(Session& session, uint32_t depth, uint32_t n, uint32_t n_vocab, double& time_to_first_token_ms) {
  if (session.info().position < depth) {
    Get(session.clear());
    Get(session.eval(SomeTokens(depth, n_vocab)));
  }
  Get(session.roll_back(depth));
  GenerateOptions options;
  options.max_new_tokens = n + 1;
  options.ignore_eos = 1;
  Generation generation = Get(session.generate(SomeTokens(1, n_vocab), options));
  for ([[maybe_unused]] const Step& step : generation) {
  }
  Get(generation.result());
  const bitnet_facts_info_t facts = Get(session.facts()).info();
  time_to_first_token_ms = facts.time_to_first_token_ms;
  return facts.generate_ms / 1e3;
}

// Where the time of one more run goes.
template <typename Seconds>
std::vector<ProfileRow> Profile(Session& session, Seconds seconds) {
  Get(Result<void>::from(bitnet_x_session_profile_start(session.capi())));
  double rest = seconds();
  std::vector<ProfileRow> rows;
  const char* part = nullptr;
  for (double s = 0; bitnet_x_session_profile(session.capi(), rows.size(), &part, &s) == BITNET_OK;) {
    rows.push_back({part, s});
    rest -= s;
  }
  rows.push_back({"the rest", std::max(0.0, rest)});
  return rows;
}

// Runs `seconds()` once for warmth and n_repeats times for the record.
template <typename Seconds>
Spread Repeat(const BenchFlags& flags, double n_tokens, Seconds seconds) {
  seconds();
  std::vector<double> rates;
  for (uint32_t i = 0; i < flags.n_repeats; ++i) {
    rates.push_back(n_tokens / seconds());
  }
  return SpreadOf(rates);
}

// Tokens that the longest test has in its context.
uint32_t LongestContext(const BenchFlags& flags) {
  const auto depth = static_cast<uint32_t>(*std::max_element(flags.depths.begin(), flags.depths.end()));
  return std::max(flags.n_prompt, flags.n_generate == 0 ? 0 : depth + flags.n_generate + 2);
}

// Failure when the tests need more tokens than the model was trained for.
void CheckLength(const BenchFlags& flags, const Model& model) {
  const uint32_t n_longest = LongestContext(flags);
  if (const uint32_t n_train = model.info().n_ctx_train; n_longest > n_train) {
    throw Failure(ExitCode::kRequestNotMet, "the test needs " + std::to_string(n_longest) +
                                                " tokens, this model was trained for " + std::to_string(n_train) +
                                                "; give a smaller -p, -n or -d");
  }
}

void Describe(const LoadedModel& loaded, BenchReport& report) {
  const bitnet_model_info_t info = loaded.model.info();
  // What a session of this model runs on is decided by its size.
  const Session session = MakeSession(loaded.model, {});
  const Facts facts = Get(session.facts());
  const bitnet_facts_info_t run = facts.info();
  report.target = run.target;
  report.device = run.device;
  report.gpu = run.gpu;
  report.on_gpu = report.device == "cuda";
  report.model_name = *info.name == '\0' ? "without a name" : Shortened(info.name);
  report.quantization = info.quantization;
  report.model_bytes = info.size_bytes;
  WriteModel(report.model, loaded);
}

void BenchThreads(const BenchFlags& flags, uint32_t n_threads, BenchReport& report) {
  ModelFlags model_flags = flags.model;
  model_flags.threads = n_threads;
  const std::string who = "bench: " + Counted(n_threads, "thread");
  Note(who + ", measuring the machine");
  const MachineLimits limits = report.on_gpu ? GpuLimits() : MeasureLimits(report.target, n_threads);
  report.peak_memory.Start();  // the yardsticks took memory of their own
  const LoadedModel loaded = LoadModel(model_flags);
  const bitnet_model_info_t info = loaded.model.info();
  ThreadReport own{n_threads, limits, loaded.load_ms, info.mapped_bytes, info.buffer_bytes};
  const TokenCost cost = CostOf(loaded.model, flags.session);
  const uint32_t n_vocab = info.n_vocab;
  SessionFlags session_flags = flags.session;
  session_flags.ctx = std::max(flags.session.ctx, LongestContext(flags));
  Session session = MakeSession(loaded.model, session_flags);
  if (flags.n_prompt > 0) {
    Note(who + ", prompt of " + Counted(flags.n_prompt, "token"));
    const Tokens tokens = SomeTokens(flags.n_prompt, n_vocab);
    Measured m{"pp" + std::to_string(flags.n_prompt), n_threads};
    const auto seconds = [&] { return PromptSeconds(session, tokens); };
    m.tokens_per_s = Repeat(flags, flags.n_prompt, seconds);
    if (flags.profile) m.profile = Profile(session, seconds);
    m.multiply_adds_per_s = m.tokens_per_s.median * cost.ternary_weights;
    m.limit_fraction = m.multiply_adds_per_s / own.limits.multiply_adds_per_s;
    report.results.push_back(m);
  }
  for (size_t i = 0; flags.n_generate > 0 && i < flags.depths.size(); ++i) {
    const auto depth = static_cast<uint32_t>(flags.depths[i]);
    const std::string test = "tg" + std::to_string(flags.n_generate) + (depth > 0 ? "@" + std::to_string(depth) : "");
    Note(who + ", " + Counted(flags.n_generate, "token") + " one by one" +
         (depth > 0 ? " after " + std::to_string(depth) : ""));
    Measured m{test, n_threads};
    double first_token_ms = 0;
    const auto seconds = [&] { return GenerateSeconds(session, depth, flags.n_generate, n_vocab, first_token_ms); };
    m.tokens_per_s = Repeat(flags, flags.n_generate, seconds);
    if (flags.profile) m.profile = Profile(session, seconds);
    const double cache_bytes = cost.cache_bytes_per_position * (depth + (flags.n_generate + 3) / 2.0);
    m.bytes_per_s = m.tokens_per_s.median * (cost.decode_bytes + cache_bytes);
    m.cache_bytes_per_s = m.tokens_per_s.median * cache_bytes;
    m.limit_fraction = m.bytes_per_s / own.limits.read_bytes_per_s;
    report.results.push_back(m);
    if (i == 0) own.time_to_first_token_ms = first_token_ms;
  }
  report.per_threads.push_back(own);
  report.peak_memory.Stop();
}

Json Document(const BenchReport& report) {
  Json json;
  json.BeginObject().Key("limits").BeginObject().Key("read_gb_per_s").BeginObject();
  for (const ThreadReport& t : report.per_threads) {
    json.Field(std::to_string(t.threads), t.limits.read_bytes_per_s / 1e9);
  }
  json.EndObject().Key("int_gmac_per_s").BeginObject();
  for (const ThreadReport& t : report.per_threads) {
    json.Field(std::to_string(t.threads), t.limits.multiply_adds_per_s / 1e9);
  }
  json.EndObject().EndObject().Key("results").BeginArray();
  for (const Measured& m : report.results) {
    json.BeginObject()
        .Field("test", m.test)
        .Field("threads", m.threads)
        .Key("tokens_per_second")
        .BeginObject()
        .Field("median", m.tokens_per_s.median)
        .Field("min", m.tokens_per_s.min)
        .Field("max", m.tokens_per_s.max)
        .EndObject()
        .Field("gb_per_s", m.bytes_per_s / 1e9)
        .Field("cache_gb_per_s", m.cache_bytes_per_s / 1e9)
        .Field("gmac_per_s", m.multiply_adds_per_s / 1e9)
        .Field("limit_fraction", m.limit_fraction);
    if (!m.profile.empty()) {
      json.Key("profile").BeginObject();
      for (const ProfileRow& row : m.profile) json.Field(row.part, row.seconds);
      json.EndObject();
    }
    json.EndObject();
  }
  json.EndArray().Key("load").BeginArray();
  for (const ThreadReport& t : report.per_threads) {
    json.BeginObject()
        .Field("threads", t.threads)
        .Field("load_ms", t.load_ms)
        .Field("weights_mapped_bytes", t.mapped_bytes)
        .Field("weights_owned_bytes", t.owned_bytes)
        .Field("time_to_first_token_ms", t.time_to_first_token_ms)
        .EndObject();
  }
  json.EndArray().Key("peak_rss_bytes");
  report.peak_memory.bytes() > 0 ? json.Value(report.peak_memory.bytes()) : json.Null();
  json.Field("target", report.target).Field("device", report.device);
  if (!report.gpu.empty()) json.Field("gpu", report.gpu);
  json.Key("model").Raw(report.model.str()).EndObject();
  return json;
}

// "" for what was not measured.
std::string Measure(double value, int decimals) { return std::isnan(value) ? "" : Fixed(value, decimals); }

std::string Csv(const BenchReport& report) {
  std::string out = "test,threads,median,min,max,gb_per_s,gmac_per_s,limit_fraction,target\n";
  for (const Measured& m : report.results) {
    out += m.test +
           Format(",%u,%.3f,%.3f,%.3f,", m.threads, m.tokens_per_s.median, m.tokens_per_s.min, m.tokens_per_s.max) +
           Measure(m.bytes_per_s / 1e9, 3) + "," + Measure(m.multiply_adds_per_s / 1e9, 3) +
           Format(",%.4f,", m.limit_fraction) + report.target + "\n";
  }
  return out;
}

// Shares of the time, a column for each test.
std::string ProfileTable(const std::vector<Measured>& results) {
  if (results.empty() || results[0].profile.empty()) return "";
  std::string out = "\n| share of the time |", rule = "\n|:--|";
  std::vector<double> totals;
  for (const Measured& r : results) {
    out += " " + r.test + ", " + Counted(r.threads, "thread") + " |";
    rule += "--:|";
    double total = 0;
    for (const ProfileRow& row : r.profile) total += row.seconds;
    totals.push_back(total);
  }
  out += rule + "\n";
  for (size_t i = 0; i < results[0].profile.size(); ++i) {
    out += "| " + results[0].profile[i].part + " |";
    for (size_t k = 0; k < results.size(); ++k) {
      out += Format(" %.1f %% |", 100 * results[k].profile[i].seconds / totals[k]);
    }
    out += "\n";
  }
  return out;
}

std::string Markdown(const BenchReport& report) {
  std::string out =
      "model: " + report.model_name + ", " + report.quantization + ", " + Bytes(report.model_bytes) +
      "; target: " + report.target + (report.gpu.empty() ? "" : " on " + Printable(report.gpu)) + "; peak memory " +
      (report.peak_memory.bytes() > 0 ? Bytes(report.peak_memory.bytes()) : "not known") +
      "\n\n| threads | read limit GB/s | integer limit GMAC/s | load ms | mapped | copied | first token ms |\n"
      "|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const ThreadReport& t : report.per_threads) {
    out += Format("| %u | %.1f | %.0f | %.1f | ", t.threads, t.limits.read_bytes_per_s / 1e9,
                  t.limits.multiply_adds_per_s / 1e9, t.load_ms) +
           Bytes(t.mapped_bytes) + " | " + Bytes(t.owned_bytes) + " | " + Measure(t.time_to_first_token_ms, 2) + " |\n";
  }
  out +=
      "\n| test | threads | tokens/s | min | max | GB/s | GMAC/s | of the limit |\n|:--|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const Measured& r : report.results) {
    out += "| " + r.test +
           Format(" | %u | %.2f | %.2f | %.2f | ", r.threads, r.tokens_per_s.median, r.tokens_per_s.min,
                  r.tokens_per_s.max) +
           Measure(r.bytes_per_s / 1e9, 2) + " | " + Measure(r.multiply_adds_per_s / 1e9, 1) +
           Format(" | %.0f %% |\n", 100 * r.limit_fraction);
  }
  return out + ProfileTable(report.results);
}

ExitCode Bench(const BenchFlags& flags) {
  const EndOnInterrupt there_is_no_result_before_the_end;
  std::vector<int32_t> threads = flags.threads;
  if (threads.empty()) threads.push_back(static_cast<int32_t>(MakeEngine(flags.model).info().threads));
  BenchReport report;
  {
    const LoadedModel loaded = LoadModel(flags.model);
    CheckLength(flags, loaded.model);
    Describe(loaded, report);
  }
  if (flags.profile && report.device != "cpu") {
    throw Failure(ExitCode::kUsage, "--profile: found device " + report.device + ", expected cpu");
  }
  for (const int32_t n : threads) BenchThreads(flags, static_cast<uint32_t>(n), report);
  const std::string format = flags.json ? "json" : flags.format;
  Print(format == "json" ? Document(report).Line() : format == "csv" ? Csv(report) : Markdown(report));
  return ExitCode::kSuccess;
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<BenchFlags>();
  const std::string group = "Test";
  AddCount(app, "-p,--prompt-tokens", flags->n_prompt, 0, 1u << 24,
           "tokens of a prompt that is evaluated at once; 0: no such test (default: 512)")
      ->group(group);
  AddCount(app, "-n,--new-tokens", flags->n_generate, 0, 1u << 24,
           "tokens that are generated one by one; 0: no such test (default: 64)")
      ->group(group);
  AddList(app, "-d,--depth", flags->depths, 0, 1 << 24,
          "tokens in the context before those that are generated one by one, one test for each (default: 0)")
      ->group(group);
  AddList(app, "-t,--threads", flags->threads, 1, kMaxThreads, "numbers of threads, one after the other")
      ->envname("BITNET_CPU_THREADS")
      ->group(group);
  AddCount(app, "-r,--repeats", flags->n_repeats, 1, 1000, "repeats of each test (default: 5)")->group(group);
  AddFlag(app, "--profile", flags->profile, "also tell how the time of one more run splits over the operations")
      ->group(group);
  AddChoice(app, "-o,--output", flags->format, {"md", "json", "csv"}, "form of the result (default: md)")
      ->group("Output");
  AddOutputFlags(app, &flags->json);
  AddSessionFlags(app, flags->session);
  AddSourceFlags(app, flags->model, ModelArgument::kPositional);
  AddLoadFlags(app, flags->model);
  return [flags] { return Bench(*flags); };
}

}  // namespace

const Command kBenchCommand = {"bench", "measure speed, as a share of what this machine can do at most",
                               "bitnet bench\n"
                               "bitnet bench --model model.gguf -t 1,2 -o json > bench.json\n"
                               "bitnet bench -p 128 -n 32 -r 3\n"
                               "bitnet bench -p 0 -n 32 -d 64,4000",
                               SetUp};

}  // namespace bitnet::tool
