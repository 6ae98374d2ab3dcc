// C++ twin of tokenizer.h.
#pragma once

#include <bitnet/tokenizer.h>
#include <bitnet/result.hpp>
#include <bitnet/span.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bitnet {
inline namespace v0 {

using Tokens = std::vector<std::int32_t>;

/// bitnet_tokenizer_options_t at its defaults.
struct TokenizerOptions : bitnet_tokenizer_options_t {
  TokenizerOptions() noexcept : bitnet_tokenizer_options_t(BITNET_TOKENIZER_OPTIONS_INIT) {}
};

/// bitnet_chat_options_t at its defaults.
struct ChatOptions : bitnet_chat_options_t {
  ChatOptions() noexcept : bitnet_chat_options_t(BITNET_CHAT_OPTIONS_INIT) {}
};

/// One message of a conversation; owns its texts.
struct Message {
  std::string role;  ///< "system", "user" or "assistant"
  std::string content;
};

class Tokenizer {
 public:
  /// Wraps bitnet_tokenizer_load().
  static Result<Tokenizer> load(const char* path, const TokenizerOptions& options = {}) {
    bitnet_tokenizer_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_tokenizer_load(path, &options, &raw)) return Error::last(s);
    return Tokenizer(raw);
  }
  static Result<Tokenizer> load(const std::string& path, const TokenizerOptions& options = {}) {
    return load(path.c_str(), options);
  }
  /// Wraps bitnet_tokenizer_load_memory().
  static Result<Tokenizer> load(Span<const std::byte> bytes, const TokenizerOptions& options = {}) {
    bitnet_tokenizer_t* raw = nullptr;
    if (const bitnet_status_t s = bitnet_tokenizer_load_memory(bytes.data(), bytes.size(), &options, &raw)) {
      return Error::last(s);
    }
    return Tokenizer(raw);
  }
  /// A view of a tokenizer that another object owns.
  static Tokenizer view(const bitnet_tokenizer_t* raw) noexcept { return Tokenizer(Owner::borrowed(raw)); }

  /// Wraps bitnet_tokenizer_info().
  bitnet_tokenizer_info_t info() const noexcept {
    bitnet_tokenizer_info_t info = BITNET_TOKENIZER_INFO_INIT;
    bitnet_tokenizer_info(capi(), &info);
    return info;
  }
  /// Wraps bitnet_tokenizer_encode().
  Result<Tokens> encode(std::string_view text, std::uint32_t flags = BITNET_ENCODE_ADD_SPECIAL) const {
    return detail::read_list<Tokens>([&](std::int32_t* ids, std::size_t cap, std::size_t* n) {
      return bitnet_tokenizer_encode(capi(), text.data(), text.size(), flags, ids, cap, n);
    });
  }
  /// Wraps bitnet_tokenizer_decode().
  Result<std::string> decode(Span<const std::int32_t> ids, std::uint32_t flags = 0) const {
    return detail::read_text([&](char* buf, std::size_t cap, std::size_t* n) {
      return bitnet_tokenizer_decode(capi(), ids.data(), ids.size(), flags, buf, cap, n);
    });
  }
  /// Wraps bitnet_tokenizer_stop_ids().
  Result<Tokens> stop_ids() const {
    return detail::read_list<Tokens>([&](std::int32_t* ids, std::size_t cap, std::size_t* n) {
      return bitnet_tokenizer_stop_ids(capi(), ids, cap, n);
    });
  }
  /// Wraps bitnet_tokenizer_chat_template().
  Result<std::string> chat_template() const {
    return detail::read_text([&](char* buf, std::size_t cap, std::size_t* n) {
      return bitnet_tokenizer_chat_template(capi(), buf, cap, n);
    });
  }
  /// Wraps bitnet_tokenizer_apply_chat(); `form` null: the model's own.
  Result<Tokens> apply_chat(Span<const Message> messages, const char* form = nullptr, std::uint32_t flags = 0) const {
    const std::vector<bitnet_chat_message_t> raw = to_capi(messages);
    return detail::read_list<Tokens>([&](std::int32_t* ids, std::size_t cap, std::size_t* n) {
      return bitnet_tokenizer_apply_chat(capi(), form, raw.data(), raw.size(), flags, ids, cap, n);
    });
  }
  /// Wraps bitnet_tokenizer_chat_tokens().
  Result<Tokens> chat_tokens(Span<const Message> messages, const ChatOptions& options = {}) const {
    const std::vector<bitnet_chat_message_t> raw = to_capi(messages);
    return detail::read_list<Tokens>([&](std::int32_t* ids, std::size_t cap, std::size_t* n) {
      return bitnet_tokenizer_chat_tokens(capi(), raw.data(), raw.size(), &options, ids, cap, n);
    });
  }
  /// Wraps bitnet_tokenizer_chat_text().
  Result<std::string> chat_text(Span<const Message> messages, const ChatOptions& options = {}) const {
    const std::vector<bitnet_chat_message_t> raw = to_capi(messages);
    return detail::read_text([&](char* buf, std::size_t cap, std::size_t* n) {
      return bitnet_tokenizer_chat_text(capi(), raw.data(), raw.size(), &options, buf, cap, n);
    });
  }
  /// Views of messages as the C functions take them; valid as long as the messages.
  static std::vector<bitnet_chat_message_t> to_capi(Span<const Message> messages) {
    std::vector<bitnet_chat_message_t> raw;
    raw.reserve(messages.size());
    for (const Message& m : messages) raw.push_back({m.role.c_str(), m.content.c_str(), m.content.size()});
    return raw;
  }

  const bitnet_tokenizer_t* capi() const noexcept { return handle_.get(); }

 private:
  using Owner = detail::Owner<bitnet_tokenizer_t, bitnet_tokenizer_free>;
  explicit Tokenizer(bitnet_tokenizer_t* raw) noexcept : handle_(raw) {}
  explicit Tokenizer(Owner owner) noexcept : handle_(std::move(owner)) {}
  Owner handle_;
};

}  // namespace v0
}  // namespace bitnet
