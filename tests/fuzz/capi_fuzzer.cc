// Any bytes as a sequence of calls of the C interface on a small valid model: loads, sessions, evaluations, draws,
// saved states, tokens and frees in any order that the headers allow, callbacks that cancel, memory that runs out.
// Every call answers with a status that fits it, what failed has changed nothing, whatever was evaluated in whatever
// order has the logits that the same tokens have alone, and in the end no memory of the host's allocator is left.
#include <bitnet/bitnet.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "support/small_model.h"

namespace {

[[noreturn]] void Broken(int line, const char* what) {
  std::fprintf(stderr, "capi_fuzzer.cc:%d: %s: %s\n", line, what, bitnet_last_error_message());
  std::abort();
}
#define EXPECT(condition) ((condition) ? static_cast<void>(0) : Broken(__LINE__, #condition))

constexpr size_t kMaxOps = 48;
constexpr int32_t kVocab = bitnet::test::SmallModel::kVocab;
constexpr size_t kModels = 2, kSessions = 3, kStates = 2;

// What an input says, zeros behind its end.
class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  uint8_t Byte() { return at_ == end_ ? uint8_t{0} : *at_++; }
  uint32_t Word() {
    uint32_t w = 0;
    for (int i = 0; i < 4; ++i) w = w << 8 | Byte();
    return w;
  }
  float Float() {
    const uint32_t w = Word();
    float f;
    std::memcpy(&f, &w, sizeof f);
    return f;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

// The host's memory: counted, and gone after `budget` more allocations.
struct Memory {
  int64_t live = 0;
  uint32_t budget = UINT32_MAX;
};
void* Allocate(void* user_data, size_t n_bytes, size_t alignment) {
  auto* memory = static_cast<Memory*>(user_data);
  if (memory->budget == 0) return nullptr;
  if (memory->budget != UINT32_MAX) --memory->budget;
  void* p = std::aligned_alloc(alignment, (n_bytes + alignment - 1) / alignment * alignment);
  if (p != nullptr) ++memory->live;
  return p;
}
void Release(void* user_data, void* p, size_t) {
  if (p != nullptr) --static_cast<Memory*>(user_data)->live;
  std::free(p);
}

const std::string& SmallFile() {
  static const std::string file = [] {
    bitnet::test::SmallModel model;
    model.layers = 1;
    model.embd = 128;
    model.ffn = 128;
    model.heads = 2;
    model.heads_kv = 1;
    return model.Builder().Build();
  }();
  return file;
}

bool IsOneOf(bitnet_status_t status, std::initializer_list<bitnet_status_t> allowed) {
  for (const bitnet_status_t a : allowed) {
    if (status == a) return true;
  }
  return false;
}

// The status of a call: a success, or one of the listed failures, with a message.
#define CALL(call, ...)                              \
  const bitnet_status_t status = (call);             \
  EXPECT(IsOneOf(status, {BITNET_OK, __VA_ARGS__})); \
  EXPECT(status == BITNET_OK || *bitnet_last_error_message() != '\0')

struct Session {
  bitnet_session_t* handle = nullptr;
  bool pure = true;  // its context was evaluated, never read from bytes that were changed
  // Set while a call with a callback runs.
  uint32_t steps_left = 0;
  uint32_t at_stop = 0;  // what the callback does there
};

struct State {
  std::vector<char> bytes;
  bool pure = true;
};

class Host {
 public:
  explicit Host(Bytes in) : in_(in) {}
  ~Host() {
    for (Session& s : sessions_) bitnet_session_free(s.handle);
    for (bitnet_model_t* m : models_) bitnet_model_free(m);
    bitnet_engine_free(engine_);
    if (memory_.live != 0) Broken(__LINE__, "memory of the host is left");
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void Run() {
    bitnet_allocator_t allocator = BITNET_ALLOCATOR_INIT;
    allocator.alloc = Allocate;
    allocator.free = Release;
    allocator.user_data = &memory_;
    bitnet_engine_options_t options = BITNET_ENGINE_OPTIONS_INIT;
    options.threads = 1;
    options.allocator = &allocator;
    EXPECT(bitnet_engine_create(&options, &engine_) == BITNET_OK);
    Load(0);
    for (size_t i = 0; i < kMaxOps && !in_.empty(); ++i) Step();
    memory_.budget = UINT32_MAX;
    for (Session& s : sessions_) CompareWithFresh(s);
  }

 private:
  void Step() {
    const uint8_t op = in_.Byte();
    const size_t slot = in_.Byte();
    Session& s = sessions_[slot % kSessions];
    switch (op % 24) {
      case 0: return Load(slot % kModels);
      case 1: return FreeModel(slot % kModels);
      case 2: return FreeEngine();
      case 3: memory_.budget = slot % 16 == 0 ? UINT32_MAX : slot % 16; return;
      case 4:
      case 5: return Create(s);
      case 6: return FreeSession(s);
      case 7:
      case 8:
      case 9: return Eval(s);
      case 10: return EvalBatch();
      case 11: return Logits(s);
      case 12: return Begin(s);
      case 13:
      case 14: return Next(s);
      case 15: return Generate(s);
      case 16: return bitnet_session_cancel(s.handle);
      case 17: return RollBack(s);
      case 18: return Fork(s);
      case 19: return Save(s);
      case 20: return Restore(s);
      case 21: return Tokenize(slot % kModels);
      case 22: return Chat(s);
      default: return Read(s);
    }
  }

  // ---- Models ----

  static int32_t Progress(uint64_t done, uint64_t total, void* user_data) {
    auto* left = static_cast<uint32_t*>(user_data);
    EXPECT(done <= total);
    if (*left == 0) return 1;
    --*left;
    return 0;
  }
  struct Reader {
    uint32_t pieces_left;
  };
  static int32_t ReadPiece(uint64_t offset, void* buf, size_t n_bytes, void* user_data) {
    auto* reader = static_cast<Reader*>(user_data);
    if (reader->pieces_left-- == 0) return -1;
    EXPECT(offset + n_bytes <= SmallFile().size());
    std::memcpy(buf, SmallFile().data() + offset, n_bytes);
    return 0;
  }

  void Load(size_t slot) {
    if (engine_ == nullptr || models_[slot] != nullptr) return;
    const uint8_t how = in_.Byte();
    bitnet_model_options_t options = BITNET_MODEL_OPTIONS_INIT;
    options.mode = how & 1 ? BITNET_LOAD_COPY : BITNET_LOAD_AUTO;
    options.verify = how >> 1 & 1;
    options.strict = how >> 2 & 1;
    uint32_t calls_left = how >> 5;
    const bool may_cancel = (how >> 3 & 1) != 0;
    if (may_cancel) {
      options.progress = Progress;
      options.progress_user_data = &calls_left;
    }
    const std::string& file = SmallFile();
    Reader reader{static_cast<uint32_t>(how >> 6)};
    CALL((how >> 4 & 1) != 0
             ? bitnet_model_load_callback(engine_, ReadPiece, &reader, file.size(), &options, &models_[slot])
             : bitnet_model_load_memory(engine_, file.data(), file.size(), &options, &models_[slot]),
         BITNET_E_CANCELLED, BITNET_E_NO_MEMORY, BITNET_E_IO);
    EXPECT((status == BITNET_OK) == (models_[slot] != nullptr));
    EXPECT(status != BITNET_E_CANCELLED || may_cancel);
    EXPECT(status != BITNET_E_NO_MEMORY || memory_.budget == 0);
  }

  void FreeModel(size_t slot) {
    bitnet_model_free(models_[slot]);  // its sessions live on
    models_[slot] = nullptr;
  }

  void FreeEngine() {
    bitnet_engine_free(engine_);  // what was made with it lives on
    engine_ = nullptr;
  }

  // ---- Sessions ----

  void Create(Session& s) {
    const uint8_t how = in_.Byte();
    const size_t model = how >> 7;
    if (s.handle != nullptr) return;
    bitnet_session_options_t options = BITNET_SESSION_OPTIONS_INIT;
    options.kv_type = how & 1;
    options.head = how >> 1 & 3;
    options.chunk = how >> 3 & 3;
    options.n_ctx = (how >> 5 & 3) * 21;
    CALL(bitnet_session_create(models_[model], &options, &s.handle), BITNET_E_INVALID_ARGUMENT, BITNET_E_NO_MEMORY);
    EXPECT((status == BITNET_OK) == (s.handle != nullptr));
    EXPECT(status != BITNET_E_INVALID_ARGUMENT || models_[model] == nullptr || options.head == 3);
    s.pure = true;
  }

  void FreeSession(Session& s) {
    bitnet_session_free(s.handle);
    s.handle = nullptr;
  }

  static bitnet_session_info_t Info(const Session& s) {
    bitnet_session_info_t info = BITNET_SESSION_INFO_INIT;
    EXPECT(bitnet_session_info(s.handle, &info) == BITNET_OK);
    EXPECT(info.position <= info.n_ctx);
    return info;
  }
  static std::vector<int32_t> Tokens(const Session& s) {
    size_t n = 0;
    EXPECT(bitnet_session_tokens(s.handle, nullptr, 0, &n) == BITNET_OK);
    std::vector<int32_t> ids(n);
    EXPECT(bitnet_session_tokens(s.handle, ids.data(), n, &n) == BITNET_OK && n == ids.size());
    EXPECT(n == Info(s).position);
    return ids;
  }

  // A few token ids, seldom one outside the vocabulary.
  std::vector<int32_t> Ids() {
    std::vector<int32_t> ids(in_.Byte() % 12);
    for (int32_t& id : ids) {
      id = in_.Byte();
      if (id >= 250) id = id == 255 ? static_cast<int32_t>(in_.Word()) : id + 6;
    }
    return ids;
  }

  void Eval(Session& s) {
    const std::vector<int32_t> ids = Ids();
    const uint32_t want = in_.Byte() % 4;
    if (s.handle == nullptr) return;
    const uint32_t before = Info(s).position;
    CALL(bitnet_session_eval(s.handle, ids.data(), ids.size(), want), BITNET_E_INVALID_ARGUMENT, BITNET_E_CONTEXT_FULL,
         BITNET_E_CANCELLED, BITNET_E_NON_FINITE, BITNET_E_NO_MEMORY, BITNET_E_BAD_STATE);
    EXPECT(status != BITNET_E_NON_FINITE || !s.pure);
    EXPECT(Info(s).position == before + (status == BITNET_OK ? ids.size() : 0));
  }

  void EvalBatch() {
    std::vector<int32_t> ids[kSessions];
    bitnet_batch_item_t items[kSessions] = {};
    uint32_t before[kSessions] = {};
    size_t n = 0;
    for (Session& s : sessions_) {
      if (s.handle == nullptr) continue;
      ids[n] = Ids();
      before[n] = Info(s).position;
      items[n] = {s.handle, ids[n].data(), ids[n].size(), in_.Byte() % 3u, 0};
      ++n;
    }
    CALL(bitnet_session_eval_batch(items, n), BITNET_E_INVALID_ARGUMENT, BITNET_E_CONTEXT_FULL, BITNET_E_CANCELLED,
         BITNET_E_NON_FINITE, BITNET_E_NO_MEMORY, BITNET_E_BAD_STATE);
    n = 0;
    for (Session& s : sessions_) {
      if (s.handle == nullptr) continue;
      EXPECT(Info(s).position == before[n] + (status == BITNET_OK ? ids[n].size() : 0));
      ++n;
    }
  }

  void Logits(Session& s) {
    const size_t row = in_.Byte();
    if (s.handle == nullptr) return;
    const float* logits = nullptr;
    size_t n = 0;
    CALL(bitnet_session_logits(s.handle, row, &logits, &n), BITNET_E_INVALID_ARGUMENT, BITNET_E_NON_FINITE,
         BITNET_E_NO_MEMORY);
    EXPECT((status == BITNET_OK || status == BITNET_E_NON_FINITE || status == BITNET_E_NO_MEMORY) ==
           (row < Info(s).n_logits));
    if (status != BITNET_OK) return;
    EXPECT(n == kVocab);
    float highest = logits[0];
    for (size_t i = 1; i < n; ++i) highest = logits[i] > highest ? logits[i] : highest;
    bitnet_candidate_t top[300];
    const size_t asked = row % 2 == 0 ? 1 : 256;
    EXPECT(bitnet_session_top(s.handle, row, asked, top, &n) == BITNET_OK && n == asked);
    EXPECT(top[0].logit == highest);
    for (size_t i = 1; i < n; ++i) EXPECT(top[i].logit <= top[i - 1].logit);
  }

  // ---- Generation ----

  bitnet_generate_options_t GenerateOptions() {
    static const int32_t kStopIds[] = {65, 257};
    static const char* const kStopStrings[] = {"a", "\xc3\xa9"};
    bitnet_generate_options_t options = BITNET_GENERATE_OPTIONS_INIT;
    const uint8_t how = in_.Byte();
    options.max_new_tokens = in_.Byte() % 20;
    options.ignore_eos = how & 1;
    if (how & 2) options.temperature = in_.Float();
    if (how & 4) options.top_p = in_.Float();
    if (how & 8) options.min_p = in_.Float();
    if (how & 16) options.repeat_penalty = in_.Float();
    if (how & 32) options.top_k = in_.Word();
    if (how & 64) options.repeat_last_n = in_.Word();
    if (how & 128) {
      options.stop_ids = kStopIds;
      options.n_stop_ids = 2;
      options.stop_strings = kStopStrings;
      options.n_stop_strings = 2;
    }
    options.seed = how;
    return options;
  }

  void Begin(Session& s) {
    const std::vector<int32_t> prompt = Ids();
    const bitnet_generate_options_t options = GenerateOptions();
    if (s.handle == nullptr) return;
    const uint32_t before = Info(s).position;
    CALL(bitnet_session_begin(s.handle, prompt.data(), prompt.size(), &options), BITNET_E_INVALID_ARGUMENT,
         BITNET_E_CONTEXT_FULL, BITNET_E_CANCELLED, BITNET_E_NON_FINITE, BITNET_E_NO_MEMORY, BITNET_E_BAD_STATE);
    EXPECT(Info(s).position == before + (status == BITNET_OK ? prompt.size() : 0));
  }

  void Next(Session& s) {
    if (s.handle == nullptr) return;
    bitnet_step_t step = BITNET_STEP_INIT;
    CALL(bitnet_session_next(s.handle, &step), BITNET_E_BAD_STATE, BITNET_E_NON_FINITE, BITNET_E_INVALID_ARGUMENT,
         BITNET_E_NO_MEMORY);
    if (status == BITNET_OK) CheckStep(step);
  }

  static void CheckStep(const bitnet_step_t& step) {
    EXPECT(step.token >= -1 && step.token < kVocab);
    EXPECT(std::strlen(step.text) <= step.text_bytes);
    EXPECT(*bitnet_stop_reason_name(step.reason) != '\0' || step.reason == BITNET_STOP_NONE);
  }

  // In the middle of a call: the session answers that it is busy; it may be cancelled, and even freed.
  static int32_t OnToken(const bitnet_step_t* step, void* user_data) {
    auto* s = static_cast<Session*>(user_data);
    CheckStep(*step);
    bitnet_session_info_t info = BITNET_SESSION_INFO_INIT;
    EXPECT(bitnet_session_info(s->handle, &info) == BITNET_E_BAD_STATE);
    EXPECT(bitnet_session_eval(s->handle, nullptr, 0, BITNET_WANT_LAST) == BITNET_E_BAD_STATE);
    if (s->steps_left-- != 0) return 0;
    if (s->at_stop == 1) return -1;
    if (s->at_stop == 2) bitnet_session_cancel(s->handle);
    if (s->at_stop == 3) {
      bitnet_session_free(s->handle);
      return 1;
    }
    return 0;
  }

  void Generate(Session& s) {
    const std::vector<int32_t> prompt = Ids();
    const bitnet_generate_options_t options = GenerateOptions();
    const uint8_t how = in_.Byte();
    if (s.handle == nullptr) return;
    s.steps_left = how >> 2 & 7;
    s.at_stop = how & 3;
    CALL(bitnet_session_generate(s.handle, prompt.data(), prompt.size(), &options, OnToken, &s),
         BITNET_E_INVALID_ARGUMENT, BITNET_E_CONTEXT_FULL, BITNET_E_CANCELLED, BITNET_E_NON_FINITE, BITNET_E_NO_MEMORY,
         BITNET_E_BAD_STATE);
    if (s.steps_left == UINT32_MAX && s.at_stop == 3) {
      s.handle = nullptr;
    } else {
      GeneratedText(s);
    }
  }

  static void GeneratedText(const Session& s) {
    size_t n = 0;
    EXPECT(bitnet_session_generated_text(s.handle, nullptr, 0, &n) == BITNET_OK && n >= 1);
    std::vector<char> text(n);
    EXPECT(bitnet_session_generated_text(s.handle, text.data(), n, &n) == BITNET_OK && text.back() == '\0');
    EXPECT(bitnet_session_generated_tokens(s.handle, nullptr, 0, &n) == BITNET_OK);
  }

  void Chat(Session& s) {
    const uint8_t how = in_.Byte();
    const bitnet_generate_options_t options = GenerateOptions();
    if (s.handle == nullptr) return;
    const bitnet_chat_message_t messages[] = {{"system", how & 1 ? "" : "be <|eot|>", 0},
                                              {"user", "ab", how & 2u},
                                              {"assistant", "c", 0},
                                              {"user", "d", 0}};  // one to skip and three to take
    CALL(bitnet_session_begin_chat(s.handle, bitnet_chat_form(how >> 2 & 7), messages + (how >> 5 & 1), how >> 6,
                                   &options),
         BITNET_E_INVALID_ARGUMENT, BITNET_E_CONTEXT_FULL, BITNET_E_CANCELLED, BITNET_E_NON_FINITE, BITNET_E_NO_MEMORY,
         BITNET_E_BAD_STATE, BITNET_E_UNSUPPORTED);
  }

  // ---- Contexts ----

  void RollBack(Session& s) {
    const uint32_t position = in_.Byte() % 70;
    if (s.handle == nullptr) return;
    const uint32_t before = Info(s).position;
    if (position == 69) {
      EXPECT(bitnet_session_clear(s.handle) == BITNET_OK && Info(s).position == 0);
      return;
    }
    CALL(bitnet_session_roll_back(s.handle, position), BITNET_E_INVALID_ARGUMENT);
    EXPECT((status == BITNET_OK) == (position <= before));
    EXPECT(Info(s).position == (status == BITNET_OK ? position : before));
  }

  void Fork(Session& s) {
    Session& to = sessions_[in_.Byte() % kSessions];
    if (s.handle == nullptr || to.handle != nullptr) return;
    CALL(bitnet_session_fork(s.handle, &to.handle), BITNET_E_NO_MEMORY);
    EXPECT((status == BITNET_OK) == (to.handle != nullptr));
    if (status != BITNET_OK) return;
    to.pure = s.pure;
    EXPECT(Tokens(to) == Tokens(s));
  }

  void Save(Session& s) {
    const uint8_t how = in_.Byte();
    if (s.handle == nullptr) return;
    size_t n = 0;
    EXPECT(bitnet_session_save(s.handle, nullptr, 0, &n) == BITNET_OK);
    State& state = states_[how % kStates];
    state.bytes.assign(n, 0);
    state.pure = s.pure;
    if (how & 128) {
      EXPECT(bitnet_session_save(s.handle, state.bytes.data(), how % n, &n) == BITNET_E_BUFFER_TOO_SMALL);
    }
    EXPECT(bitnet_session_save(s.handle, state.bytes.data(), n, &n) == BITNET_OK && n == state.bytes.size());
  }

  void Restore(Session& s) {
    const uint8_t how = in_.Byte();
    State& state = states_[how % kStates];
    if (how & 64 && !state.bytes.empty()) {
      state.bytes[in_.Word() % state.bytes.size()] ^= static_cast<char>(1 << (in_.Byte() % 8));
      state.pure = false;
    }
    const size_t cut = how & 128 ? in_.Byte() : 0;
    const size_t n = state.bytes.size() > cut ? state.bytes.size() - cut : 0;
    if (s.handle == nullptr) return;
    const std::vector<int32_t> before = Tokens(s);
    CALL(bitnet_session_load(s.handle, state.bytes.data(), n), BITNET_E_BAD_FORMAT, BITNET_E_MODEL_MISMATCH,
         BITNET_E_CONTEXT_FULL, BITNET_E_INVALID_ARGUMENT, BITNET_E_NO_MEMORY);
    if (status == BITNET_OK) {
      s.pure = state.pure;
    } else {
      EXPECT(Tokens(s) == before);
    }
  }

  // ---- Text ----

  void Tokenize(size_t slot) {
    const bitnet_tokenizer_t* tokenizer = bitnet_model_tokenizer(models_[slot]);
    const uint8_t flags = in_.Byte();
    std::string text(in_.Byte() % 24, '\0');
    for (char& c : text) c = static_cast<char>(in_.Byte());
    if (tokenizer == nullptr) return;
    size_t n = 0;
    EXPECT(bitnet_tokenizer_encode(tokenizer, text.data(), text.size(), flags & 3, nullptr, 0, &n) == BITNET_OK);
    std::vector<int32_t> ids(n);
    EXPECT(bitnet_tokenizer_encode(tokenizer, text.data(), text.size(), flags & 3, ids.data(), n, &n) == BITNET_OK);
    if (flags & 4 && !ids.empty()) ids[0] = static_cast<int32_t>(in_.Word());
    CALL(bitnet_tokenizer_decode(tokenizer, ids.data(), n, flags >> 3 & 1, nullptr, 0, &n), BITNET_E_INVALID_ARGUMENT);
    if (status != BITNET_OK) return;
    std::string back(n, 'x');
    EXPECT(bitnet_tokenizer_decode(tokenizer, ids.data(), ids.size(), flags >> 3 & 1, back.data(), n, &n) == BITNET_OK);
    back.pop_back();
    if ((flags & 15) == 0) EXPECT(back == text);
  }

  // Everything that can only be read.
  void Read(Session& s) {
    if (s.handle == nullptr) return;
    Tokens(s);
    GeneratedText(s);
    bitnet_facts_t* facts = nullptr;
    EXPECT(bitnet_session_facts(s.handle, &facts) == BITNET_OK);
    bitnet_facts_info_t info = BITNET_FACTS_INFO_INIT;
    EXPECT(bitnet_facts_info(facts, &info) == BITNET_OK);
    bitnet_kernel_t kernel = BITNET_KERNEL_INIT;
    EXPECT(info.n_kernels == 0 || bitnet_facts_kernel(facts, info.n_kernels - 1, &kernel) == BITNET_OK);
    EXPECT(bitnet_facts_kernel(facts, info.n_kernels, &kernel) == BITNET_E_NOT_FOUND);
    bitnet_facts_free(facts);
  }

  // The same tokens in one call of a session of its own give the same logits bit for bit.
  void CompareWithFresh(Session& s) {
    if (s.handle == nullptr || !s.pure || models_[0] == nullptr) return;
    const std::vector<int32_t> ids = Tokens(s);
    const bitnet_session_info_t info = Info(s);
    if (ids.empty() || ids.size() >= info.n_ctx) return;
    bitnet_session_options_t options = BITNET_SESSION_OPTIONS_INIT;
    options.kv_type = info.kv_type;
    bitnet_session_t* fresh = nullptr;
    EXPECT(bitnet_session_create(models_[0], &options, &fresh) == BITNET_OK);
    const int32_t next = 66;
    EXPECT(bitnet_session_eval(fresh, ids.data(), ids.size(), BITNET_WANT_NONE) == BITNET_OK);
    EXPECT(bitnet_session_eval(fresh, &next, 1, BITNET_WANT_LAST) == BITNET_OK);
    EXPECT(bitnet_session_roll_back(s.handle, info.position) == BITNET_OK);  // a generation that runs ends
    bitnet_status_t status = bitnet_session_eval(s.handle, &next, 1, BITNET_WANT_LAST);
    if (status == BITNET_E_CANCELLED)
      status = bitnet_session_eval(s.handle, &next, 1, BITNET_WANT_LAST);  // was waiting
    EXPECT(status == BITNET_OK);
    const float *want = nullptr, *found = nullptr;
    EXPECT(bitnet_session_logits(fresh, 0, &want, nullptr) == BITNET_OK);
    EXPECT(bitnet_session_logits(s.handle, 0, &found, nullptr) == BITNET_OK);
    EXPECT(std::memcmp(want, found, kVocab * sizeof(float)) == 0);
    bitnet_session_free(fresh);
  }

  Bytes in_;
  Memory memory_;
  bitnet_engine_t* engine_ = nullptr;
  bitnet_model_t* models_[kModels] = {};
  Session sessions_[kSessions];
  State states_[kStates];
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Host host(Bytes(data, size));
  host.Run();
  return 0;
}
