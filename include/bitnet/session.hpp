// C++ twin of session.h.
#pragma once

#include <bitnet/session.h>
#include <bitnet/facts.hpp>
#include <bitnet/model.hpp>
#include <bitnet/result.hpp>
#include <bitnet/span.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bitnet {
inline namespace v0 {

/// bitnet_session_options_t at its defaults.
struct SessionOptions : bitnet_session_options_t {
  SessionOptions() noexcept : bitnet_session_options_t(BITNET_SESSION_OPTIONS_INIT) {}
};

/// bitnet_generate_options_t at its defaults.
struct GenerateOptions : bitnet_generate_options_t {
  GenerateOptions() noexcept : bitnet_generate_options_t(BITNET_GENERATE_OPTIONS_INIT) {}
};

/// One drawn token.
struct Step {
  std::int32_t token = -1;
  std::string_view text;  ///< what can be shown now; valid until the next step
  bitnet_stop_reason_t reason = BITNET_STOP_NONE;
};

class Session;

/// The steps of a generation, as a range that draws while it is walked:
///   for (const Step& step : generation) std::cout << step.text;
/// An error ends the loop; result() has it. The session must outlive the range.
class Generation {
 public:
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Step;
    using difference_type = std::ptrdiff_t;
    using pointer = const Step*;
    using reference = const Step&;

    iterator() = default;
    explicit iterator(Generation* generation) : generation_(generation) { ++*this; }
    reference operator*() const { return generation_->step_; }
    pointer operator->() const { return &generation_->step_; }
    iterator& operator++() {
      if (!generation_->advance()) generation_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& a, const iterator& b) { return a.generation_ == b.generation_; }
    friend bool operator!=(const iterator& a, const iterator& b) { return !(a == b); }

   private:
    Generation* generation_ = nullptr;
  };

  iterator begin() { return iterator(this); }
  iterator end() { return iterator(); }

  /// After the loop: why it ended, or the error.
  Result<bitnet_stop_reason_t> result() const {
    if (error_) return *error_;
    return step_.reason;
  }

 private:
  friend class Session;
  explicit Generation(bitnet_session_t* session) noexcept : session_(session) {}
  // Wraps bitnet_session_next(). False: no further step.
  bool advance() {
    bitnet_step_t step = BITNET_STEP_INIT;
    if (const bitnet_status_t s = bitnet_session_next(session_, &step)) {
      error_ = Error::last(s);
      return false;
    }
    step_ = Step{step.token, std::string_view(step.text, step.text_bytes), step.reason};
    return step.token >= 0 || step.text_bytes > 0;
  }

  bitnet_session_t* session_;
  Step step_;
  std::optional<Error> error_;
};

class Session {
 public:
  /// Wraps bitnet_session_create().
  static Result<Session> create(const Model& model, const SessionOptions& options = {}) {
    bitnet_session_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_session_create(model.capi(), &options, &raw)) return Error::last(s);
    return Session(raw);
  }

  /// Wraps bitnet_session_info().
  bitnet_session_info_t info() const noexcept {
    bitnet_session_info_t info = BITNET_SESSION_INFO_INIT;
    bitnet_session_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_session_tokens().
  Result<Tokens> tokens() const {
    return detail::read_list<Tokens>(
        [&](std::int32_t* ids, std::size_t cap, std::size_t* n) { return bitnet_session_tokens(capi(), ids, cap, n); });
  }

  /// Wraps bitnet_session_eval().
  Result<void> eval(Span<const std::int32_t> tokens, bitnet_want_t want = BITNET_WANT_LAST) {
    return Result<void>::from(bitnet_session_eval(capi(), tokens.data(), tokens.size(), want));
  }
  /// One session's part of eval_batch().
  struct BatchItem {
    Session* session;
    Span<const std::int32_t> tokens;
    bitnet_want_t want = BITNET_WANT_LAST;
  };
  /// Wraps bitnet_session_eval_batch().
  static Result<void> eval_batch(Span<const BatchItem> items) {
    std::vector<bitnet_batch_item_t> raw;
    raw.reserve(items.size());
    for (const BatchItem& i : items) raw.push_back({i.session->capi(), i.tokens.data(), i.tokens.size(), i.want, 0});
    return Result<void>::from(bitnet_session_eval_batch(raw.data(), raw.size()));
  }
  /// Wraps bitnet_session_logits(): a view, valid until the next evaluation, draw or change of the context, and at most
  /// until logits or top of another row.
  Result<Span<const float>> logits(std::size_t row = 0) {
    const float* data = nullptr;
    std::size_t n = 0;
    if (const bitnet_status_t s = bitnet_session_logits(capi(), row, &data, &n)) return Error::last(s);
    return Span<const float>(data, n);
  }
  /// Wraps bitnet_session_top().
  Result<std::vector<bitnet_candidate_t>> top(std::size_t n, std::size_t row = 0) {
    std::vector<bitnet_candidate_t> list(n);
    if (const bitnet_status_t s = bitnet_session_top(capi(), row, n, list.data(), &n)) return Error::last(s);
    list.resize(n);
    return list;
  }

  /// Wraps bitnet_session_begin().
  Result<Generation> generate(Span<const std::int32_t> prompt, const GenerateOptions& options = {}) {
    if (const bitnet_status_t s = bitnet_session_begin(capi(), prompt.data(), prompt.size(), &options)) {
      return Error::last(s);
    }
    return Generation(capi());
  }
  /// Wraps bitnet_session_begin_chat(); `form` null: the model's own.
  Result<Generation> chat(Span<const Message> messages, const GenerateOptions& options = {},
                          const char* form = nullptr) {
    const std::vector<bitnet_chat_message_t> raw = Tokenizer::to_capi(messages);
    if (const bitnet_status_t s = bitnet_session_begin_chat(capi(), form, raw.data(), raw.size(), &options)) {
      return Error::last(s);
    }
    return Generation(capi());
  }
  /// Wraps bitnet_session_generated_text().
  Result<std::string> generated_text() const {
    return detail::read_text(
        [&](char* buf, std::size_t cap, std::size_t* n) { return bitnet_session_generated_text(capi(), buf, cap, n); });
  }
  /// Wraps bitnet_session_generated_tokens().
  Result<Tokens> generated_tokens() const {
    return detail::read_list<Tokens>([&](std::int32_t* ids, std::size_t cap, std::size_t* n) {
      return bitnet_session_generated_tokens(capi(), ids, cap, n);
    });
  }
  /// Wraps bitnet_session_cancel(): any thread, and signal handlers.
  void cancel() noexcept { bitnet_session_cancel(capi()); }

  /// Wraps bitnet_session_clear().
  Result<void> clear() { return Result<void>::from(bitnet_session_clear(capi())); }
  /// Wraps bitnet_session_roll_back().
  Result<void> roll_back(std::uint32_t position) {
    return Result<void>::from(bitnet_session_roll_back(capi(), position));
  }
  /// Wraps bitnet_session_fork().
  Result<Session> fork() const {
    bitnet_session_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_session_fork(capi(), &raw)) return Error::last(s);
    return Session(raw);
  }
  /// Wraps bitnet_session_save().
  Result<std::vector<std::byte>> save() const {
    return detail::read_list<std::vector<std::byte>>(
        [&](void* buf, std::size_t cap, std::size_t* n) { return bitnet_session_save(capi(), buf, cap, n); });
  }
  /// Wraps bitnet_session_load().
  Result<void> load(Span<const std::byte> state) {
    return Result<void>::from(bitnet_session_load(capi(), state.data(), state.size()));
  }
  /// Wraps bitnet_session_facts().
  Result<Facts> facts() const {
    bitnet_facts_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_session_facts(capi(), &raw)) return Error::last(s);
    return Facts(raw);
  }

  bitnet_session_t* capi() noexcept { return handle_.get(); }
  const bitnet_session_t* capi() const noexcept { return handle_.get(); }

 private:
  explicit Session(bitnet_session_t* raw) noexcept : handle_(raw) {}
  detail::Owner<bitnet_session_t, bitnet_session_free> handle_;
};

/// Wraps bitnet_file_memory().
inline Result<bitnet_memory_t> memory(const File& file, const Engine& engine, const ModelOptions& model_options = {},
                                      const SessionOptions& session_options = {}) {
  bitnet_memory_t memory = BITNET_MEMORY_INIT;
  if (const bitnet_status_t s =
          bitnet_file_memory(file.capi(), engine.capi(), &model_options, &session_options, &memory)) {
    return Error::last(s);
  }
  return memory;
}

}  // namespace v0
}  // namespace bitnet
