// A token of each of several sessions in one pass: the head read once for all of them, and once for each.
// usage: bitnet_batch_bench MODEL [THREADS]
#include <algorithm>
#include <bitnet/bitnet.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

namespace {

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Times {
  double pass, heads;  // seconds
};

// `want`: the last row of a batch is computed with its neighbours, all rows of one are its session's own.
Times TokenOfEach(std::vector<bitnet::Session>& sessions, bitnet_want_t want) {
  const bitnet::Tokens token = {7};
  std::vector<bitnet::Session::BatchItem> items;
  for (bitnet::Session& s : sessions) items.push_back({&s, token, want});
  const double start = Now();
  bitnet::Session::eval_batch(items).value();
  const double between = Now();
  for (bitnet::Session& s : sessions) (void)s.top(1).value();
  return {between - start, Now() - between};
}

void Measure(const bitnet::Model& model, size_t n) {
  constexpr int kRuns = 7;
  std::vector<bitnet::Session> sessions;
  for (size_t i = 0; i < n; ++i) {
    bitnet::SessionOptions options;
    options.n_ctx = 64;
    sessions.push_back(bitnet::Session::create(model, options).value());
  }
  std::vector<double> pass, together, alone;
  for (int run = 0; run < kRuns; ++run) {
    const Times a = TokenOfEach(sessions, BITNET_WANT_LAST), b = TokenOfEach(sessions, BITNET_WANT_ALL);
    pass.insert(pass.end(), {a.pass, b.pass});
    together.push_back(a.heads);
    alone.push_back(b.heads);
  }
  const auto median = [](std::vector<double>& v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2] * 1e3;
  };
  const double p = median(pass), t = median(together), a = median(alone);
  std::printf("%2zu sessions: pass %.1f ms, heads together %.1f ms, each alone %.1f ms; tokens/s %.2fx\n", n, p, t, a,
              (p + a) / (p + t));
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bitnet_batch_bench MODEL [THREADS]\n");
    return 2;
  }
  bitnet::EngineOptions options;
  options.threads = argc > 2 ? static_cast<uint32_t>(std::atoi(argv[2])) : 0;
  const auto engine = bitnet::Engine::create(options).value();
  const auto model = bitnet::Model::load(engine, argv[1]).value();
  for (const size_t n : {2u, 4u, 8u, 16u}) Measure(model, n);
  return 0;
} catch (const bitnet::Exception& e) {
  std::fprintf(stderr, "bitnet_batch_bench: %s\n", e.what());
  return 1;
}
