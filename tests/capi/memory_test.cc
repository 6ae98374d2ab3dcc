// Out of memory at every allocation, and none at all in the steady state. A program of its own: it replaces the global
// operator new, for the library too.
#include <atomic>
#include <cstdlib>
#include <new>

#include "support/host.h"

namespace {

// Counts allocations while armed, and fails number `fail_at`.
std::atomic<bool> g_armed{false};
std::atomic<uint64_t> g_count{0};
std::atomic<uint64_t> g_fail_at{0};  // 0: never
std::atomic<int64_t> g_live{0};      // blocks now, all of them

bool ShouldFail() {
  if (!g_armed.load(std::memory_order_relaxed)) return false;
  return g_count.fetch_add(1, std::memory_order_relaxed) + 1 == g_fail_at.load(std::memory_order_relaxed);
}

void* Allocate(size_t n, size_t alignment) noexcept {
  if (ShouldFail()) return nullptr;
  void* p = nullptr;
  if (alignment <= alignof(std::max_align_t)) {
    p = std::malloc(n == 0 ? 1 : n);
  } else if (posix_memalign(&p, alignment, n == 0 ? 1 : n) != 0) {
    p = nullptr;
  }
  if (p != nullptr) g_live.fetch_add(1, std::memory_order_relaxed);
  return p;
}

void* AllocateOrThrow(size_t n, size_t alignment) {
  void* p = Allocate(n, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

void Release(void* p) noexcept {
  if (p == nullptr) return;
  g_live.fetch_sub(1, std::memory_order_relaxed);
  std::free(p);
}

size_t Alignment(std::align_val_t a) { return static_cast<size_t>(a); }

}  // namespace

void* operator new(size_t n) { return AllocateOrThrow(n, 1); }
void* operator new[](size_t n) { return AllocateOrThrow(n, 1); }
void* operator new(size_t n, const std::nothrow_t&) noexcept { return Allocate(n, 1); }
void* operator new[](size_t n, const std::nothrow_t&) noexcept { return Allocate(n, 1); }
void* operator new(size_t n, std::align_val_t a) { return AllocateOrThrow(n, Alignment(a)); }
void* operator new[](size_t n, std::align_val_t a) { return AllocateOrThrow(n, Alignment(a)); }
void* operator new(size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return Allocate(n, Alignment(a)); }
void* operator new[](size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return Allocate(n, Alignment(a)); }
void operator delete(void* p) noexcept { Release(p); }
void operator delete[](void* p) noexcept { Release(p); }
void operator delete(void* p, size_t) noexcept { Release(p); }
void operator delete[](void* p, size_t) noexcept { Release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { Release(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { Release(p); }
void operator delete(void* p, std::align_val_t) noexcept { Release(p); }
void operator delete[](void* p, std::align_val_t) noexcept { Release(p); }
void operator delete(void* p, size_t, std::align_val_t) noexcept { Release(p); }
void operator delete[](void* p, size_t, std::align_val_t) noexcept { Release(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { Release(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { Release(p); }

namespace bitnet::test {
namespace {

void Arm(uint64_t fail_at) {
  g_count = 0;
  g_fail_at = fail_at;
  g_armed = true;
}
uint64_t Disarm() {
  g_armed = false;
  return g_count;
}

const bitnet_allocator_t kHost = {sizeof(bitnet_allocator_t), 0,
                                  [](void*, size_t n, size_t alignment) -> void* { return Allocate(n, alignment); },
                                  [](void*, void* p, size_t) { Release(p); }, nullptr};

const int32_t kPrompt[] = {1531, 402, 456, 258};
constexpr size_t kPromptSize = 4;

// Handles of one run; what is NULL was not made.
struct Run {
  bitnet_engine_t* engine = nullptr;
  bitnet_model_t* model = nullptr;
  bitnet_session_t* session = nullptr;
  bitnet_facts_t* facts = nullptr;
  char state[1 << 16];

  ~Run() {
    bitnet_facts_free(facts);
    bitnet_session_free(session);
    bitnet_model_free(model);
    bitnet_engine_free(engine);
  }
};

bitnet_status_t Generation(bitnet_session_t* session, bitnet_facts_t** facts) {
  bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
  options.max_new_tokens = 4;
  options.ignore_eos = 1;
  const char* const stops[] = {"a text that never occurs and is long enough for the heap"};
  options.stop_strings = stops;
  options.n_stop_strings = 1;
  if (const bitnet_status_t s = bitnet_session_begin(session, kPrompt, kPromptSize, &options)) return s;
  bitnet_step_t step = BITNET_STEP_INIT;
  while (step.reason == BITNET_STOP_NONE) {
    if (const bitnet_status_t s = bitnet_session_next(session, &step)) return s;
  }
  return bitnet_session_facts(session, facts);
}

bitnet_status_t LoadGenerateSave(Run* run, uint32_t threads) {
  bitnet_engine_options_t options = BITNET_ENGINE_OPTIONS_INIT;
  options.threads = threads;
  options.allocator = &kHost;
  size_t n = 0;
  const void* tiny = bitnet_tiny_model(&n);
  if (const bitnet_status_t s = bitnet_engine_create(&options, &run->engine)) return s;
  if (const bitnet_status_t s = bitnet_model_load_memory(run->engine, tiny, n, nullptr, &run->model)) return s;
  if (const bitnet_status_t s = bitnet_session_create(run->model, nullptr, &run->session)) return s;
  if (const bitnet_status_t s = Generation(run->session, &run->facts)) return s;
  return bitnet_session_save(run->session, run->state, sizeof run->state, &n);
}

std::string Digest(const bitnet_facts_t* facts) {
  bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
  BN_OK(bitnet_facts_info(facts, &info));
  return info.logits_sha256;
}

TEST_CASE("each allocation of load, generate and save may fail: a status, no leak, a session that still works",
          "[capi][memory]") {
  auto good = std::make_unique<Run>();
  Arm(0);
  const bitnet_status_t status = LoadGenerateSave(good.get(), 1);
  const uint64_t n_allocations = Disarm();
  INFO(bitnet_last_error_message());
  REQUIRE(status == BITNET_OK);
  const std::string want = Digest(good->facts);
  REQUIRE(n_allocations > 50);

  uint64_t n_failed = 0, n_retried = 0;
  for (uint64_t n = 1; n <= n_allocations; ++n) {
    auto run = std::make_unique<Run>();
    const int64_t live = g_live;
    Arm(n);
    const bitnet_status_t s = LoadGenerateSave(run.get(), 1);
    Disarm();
    if (s != BITNET_E_NO_MEMORY || *bitnet_last_error_message() == '\0') {
      FAIL("allocation " << n << " of " << n_allocations << ": status " << s << ", " << bitnet_last_error_message());
    }
    ++n_failed;
    if (run->session != nullptr) {
      bitnet_facts_free(run->facts);
      run->facts = nullptr;
      if (bitnet_session_clear(run->session) != BITNET_OK || Generation(run->session, &run->facts) != BITNET_OK ||
          Digest(run->facts) != want) {
        FAIL("allocation " << n << ": the session is no longer good");
      }
      ++n_retried;
    }
    run->~Run();
    new (run.get()) Run;
    if (g_live != live) FAIL("allocation " << n << ": " << g_live - live << " blocks leaked");
  }
  CHECK(n_failed == n_allocations);
  CHECK(n_retried > 5);
}

TEST_CASE("a receipt that no memory is left to read is neither accepted nor rejected", "[capi][memory]") {
  Run run;
  REQUIRE(LoadGenerateSave(&run, 1) == BITNET_OK);
  bitnet_receipt_t* receipt = nullptr;
  REQUIRE(bitnet_receipt_create(run.session, nullptr, &receipt) == BITNET_OK);
  size_t n_bytes = 0;
  const char* const text = bitnet_receipt_text(receipt, &n_bytes);
  bitnet_verification_t* verification = nullptr;
  Arm(0);
  REQUIRE(bitnet_receipt_verify(text, n_bytes, nullptr, &verification) == BITNET_OK);
  const uint64_t n_allocations = Disarm();
  bitnet_verification_free(verification);
  REQUIRE(n_allocations > 50);
  for (uint64_t n = 1; n <= n_allocations; ++n) {
    const int64_t live = g_live;
    Arm(n);
    const bitnet_status_t s = bitnet_receipt_verify(text, n_bytes, nullptr, &verification);
    Disarm();
    bitnet_verification_free(verification);
    if (s != BITNET_E_NO_MEMORY) {
      FAIL("allocation " << n << " of " << n_allocations << ": status " << s << ", " << bitnet_last_error_message());
    }
    if (g_live != live) FAIL("allocation " << n << ": " << g_live - live << " blocks leaked");
  }
  bitnet_receipt_free(receipt);
}

TEST_CASE("a decoded token allocates nothing in the steady state", "[capi][memory]") {
  for (const uint32_t threads : {1u, 2u}) {
    Run run;
    REQUIRE(LoadGenerateSave(&run, threads) == BITNET_OK);
    REQUIRE(bitnet_session_clear(run.session) == BITNET_OK);
    bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
    options.max_new_tokens = 200;
    options.ignore_eos = 1;
    options.temperature = 0.8f;
    options.repeat_penalty = 1.1f;
    REQUIRE(bitnet_session_begin(run.session, kPrompt, kPromptSize, &options) == BITNET_OK);
    bitnet_step_t step = BITNET_STEP_INIT;
    for (int i = 0; i < 4; ++i) REQUIRE(bitnet_session_next(run.session, &step) == BITNET_OK);
    Arm(0);
    int n_tokens = 0;
    while (step.reason == BITNET_STOP_NONE && bitnet_session_next(run.session, &step) == BITNET_OK) ++n_tokens;
    CHECK(Disarm() == 0);
    CHECK(n_tokens == 196);
  }
}

TEST_CASE("the counter counts", "[capi][memory]") {
  Arm(2);
  std::unique_ptr<int> first(new int(1));
  bool failed = false;
  try {
    std::unique_ptr<int> second(new int(2));
  } catch (const std::bad_alloc&) {
    failed = true;
  }
  CHECK(Disarm() == 2);
  CHECK(failed);
}

}  // namespace
}  // namespace bitnet::test
