#include <bitnet/tokenizer.h>

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "capi/chat.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/structs.h"
#include "capi/two_call.h"
#include "core/model/vocabulary.h"
#include "core/tokenizer/chat_template.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;

bitnet_tokenizer_t::bitnet_tokenizer_t(std::shared_ptr<const core::Tokenizer> t)
    : tokenizer(std::move(t)),
      model(tokenizer->model()),
      pre(tokenizer->pre()),
      chat_form(core::ChatFormName(core::DefaultChatForm(*tokenizer))) {
  if (!core::CheckChatTemplate(tokenizer->chat_template()).ok()) chat_form.clear();
}

namespace {

// `source` is a path or bytes.
template <typename Source>
bitnet_status_t Load(const Source& source, const bitnet_tokenizer_options_t* options, bitnet_tokenizer_t** out) {
  bitnet_tokenizer_options_t o;
  BN_TRY(ReadOptions(options, &o));
  if (o.reserved != 0) return InvalidArgument("reserved of bitnet_tokenizer_options_t is not 0");
  std::function<void(std::string_view)> warn;
  if (o.log != nullptr) {
    warn = [&o](std::string_view message) { o.log(BITNET_LOG_WARNING, std::string(message).c_str(), o.log_user_data); };
  }
  auto tokenizer = core::LoadTokenizer(source, o.pre == nullptr ? "" : o.pre, warn);
  if (!tokenizer.ok()) return Fail(tokenizer.status());
  *out = new bitnet_tokenizer_t(*std::move(tokenizer));
  return BITNET_OK;
}

bitnet_status_t ReadMessages(const bitnet_chat_message_t* messages, size_t n_messages,
                             std::vector<core::ChatMessage>* out) {
  if (messages == nullptr && n_messages > 0) return InvalidArgument("messages is NULL, but its count is not 0");
  out->resize(n_messages);
  for (size_t i = 0; i < n_messages; ++i) {
    const bitnet_chat_message_t& m = messages[i];
    if (m.role == nullptr || m.content == nullptr) {
      return InvalidArgument(core::Cat("message ", i, " has no role or no content: a pointer is NULL"), "messages");
    }
    (*out)[i].role = m.role;
    (*out)[i].content =
        m.content_bytes == 0 ? std::string_view(m.content) : std::string_view(m.content, m.content_bytes);
  }
  return BITNET_OK;
}

bitnet_status_t ReadChatOptions(const bitnet_chat_options_t* options, core::TemplateOptions* out) {
  bitnet_chat_options_t o;
  BN_TRY(ReadOptions(options, &o));
  if ((o.flags & ~static_cast<uint32_t>(BITNET_CHAT_NO_ANSWER | BITNET_CHAT_HAS_TIME)) != 0) {
    return InvalidArgument(core::Cat("unknown chat flags ", o.flags), "flags");
  }
  if (o.chat_template != nullptr) out->chat_template = o.chat_template;
  if (o.messages_json != nullptr) out->messages_json = o.messages_json;
  if (o.variables_json != nullptr) out->variables_json = o.variables_json;
  if ((o.flags & BITNET_CHAT_HAS_TIME) != 0) out->now = o.time_s;
  out->add_generation_prompt = (o.flags & BITNET_CHAT_NO_ANSWER) == 0;
  return BITNET_OK;
}

// Reads ids of a call: a pointer and a count from outside.
bitnet_status_t CheckIds(const bitnet_tokenizer_t& t, const int32_t* ids, size_t n_ids) {
  if (ids == nullptr && n_ids > 0) return InvalidArgument("ids is NULL, but its count is not 0");
  for (size_t i = 0; i < n_ids; ++i) {
    if (ids[i] < 0 || static_cast<uint32_t>(ids[i]) >= t.tokenizer->size()) {
      return InvalidArgument(
          core::Cat("token id ", ids[i], " at index ", i, " is outside the vocabulary of ", t.tokenizer->size()),
          "ids");
    }
  }
  return BITNET_OK;
}

}  // namespace

namespace bitnet::capi {

bitnet_status_t ResolveForm(const core::Tokenizer& tokenizer, const char* name, core::ChatForm* out) {
  if (name == nullptr) {
    *out = core::DefaultChatForm(tokenizer);
    return BITNET_OK;
  }
  *out = core::ChatFormByName(name);
  if (*out == core::ChatForm::kUnknown) {
    return InvalidArgument(core::Cat("no chat form ", core::Quoted(name),
                                     "; there are raw, bitnet, llama3, chatml, instruct and ", "template"),
                           "form");
  }
  return BITNET_OK;
}

bitnet_status_t ChatTokens(const core::Tokenizer& tokenizer, core::ChatForm form, const bitnet_chat_message_t* messages,
                           size_t n_messages, uint32_t flags, std::vector<int32_t>* ids) {
  std::vector<core::ChatMessage> list;
  BN_TRY(ReadMessages(messages, n_messages, &list));
  if ((flags & ~static_cast<uint32_t>(BITNET_CHAT_NO_ANSWER)) != 0) {
    return InvalidArgument(core::Cat("unknown chat flags ", flags), "flags");
  }
  const core::Status status = core::ApplyChat(tokenizer, form, list, (flags & BITNET_CHAT_NO_ANSWER) == 0, *ids);
  return status.ok() ? BITNET_OK : Fail(status);
}

}  // namespace bitnet::capi

extern "C" {

bitnet_status_t bitnet_tokenizer_load(const char* path, const bitnet_tokenizer_options_t* options,
                                      bitnet_tokenizer_t** out_tokenizer) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (out_tokenizer == nullptr) return InvalidArgument("out_tokenizer is NULL");
    *out_tokenizer = nullptr;
    if (path == nullptr) return InvalidArgument("path is NULL");
    return Load(std::string(path), options, out_tokenizer);
  });
}

bitnet_status_t bitnet_tokenizer_load_memory(const void* data, size_t n_bytes,
                                             const bitnet_tokenizer_options_t* options,
                                             bitnet_tokenizer_t** out_tokenizer) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (out_tokenizer == nullptr) return InvalidArgument("out_tokenizer is NULL");
    *out_tokenizer = nullptr;
    if (data == nullptr) return InvalidArgument("data is NULL");
    return Load(std::span(static_cast<const std::byte*>(data), n_bytes), options, out_tokenizer);
  });
}

void bitnet_tokenizer_free(bitnet_tokenizer_t* tokenizer) noexcept { delete tokenizer; }

bitnet_status_t bitnet_tokenizer_info(const bitnet_tokenizer_t* tokenizer, bitnet_tokenizer_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    BN_TRY(CheckOut(out_info));
    const core::Tokenizer& t = *tokenizer->tokenizer;
    bitnet_tokenizer_info_t info = BITNET_TOKENIZER_INFO_INIT;
    info.n_vocab = t.size();
    info.bos = t.bos();
    info.eos = t.eos();
    info.eot = t.eot();
    info.add_bos = t.add_bos();
    info.add_eos = t.add_eos();
    info.model = tokenizer->model.c_str();
    info.pre = tokenizer->pre.c_str();
    info.chat_form = tokenizer->chat_form.c_str();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_tokenizer_encode(const bitnet_tokenizer_t* tokenizer, const char* text, size_t n_bytes,
                                        uint32_t flags, int32_t* ids, size_t capacity, size_t* n_ids) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    if (text == nullptr && n_bytes > 0) return InvalidArgument("text is NULL, but its size is not 0");
    if ((flags & ~static_cast<uint32_t>(BITNET_ENCODE_ADD_SPECIAL | BITNET_ENCODE_PARSE_SPECIAL)) != 0) {
      return InvalidArgument(core::Cat("unknown encode flags ", flags), "flags");
    }
    core::EncodeOptions options;
    options.add_special = (flags & BITNET_ENCODE_ADD_SPECIAL) != 0;
    options.parse_special = (flags & BITNET_ENCODE_PARSE_SPECIAL) != 0;
    std::vector<int32_t> found;
    tokenizer->tokenizer->Encode({text, n_bytes}, options, found);
    return PutList<int32_t>(found, ids, capacity, n_ids);
  });
}

bitnet_status_t bitnet_tokenizer_decode(const bitnet_tokenizer_t* tokenizer, const int32_t* ids, size_t n_ids,
                                        uint32_t flags, char* buf, size_t capacity, size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    BN_TRY(CheckIds(*tokenizer, ids, n_ids));
    if ((flags & ~static_cast<uint32_t>(BITNET_DECODE_SKIP_CONTROL)) != 0) {
      return InvalidArgument(core::Cat("unknown decode flags ", flags), "flags");
    }
    auto text = tokenizer->tokenizer->Decode({ids, n_ids}, (flags & BITNET_DECODE_SKIP_CONTROL) != 0);
    if (!text.ok()) return Fail(text.status());
    return PutText(*text, buf, capacity, needed);
  });
}

bitnet_status_t bitnet_tokenizer_token_type(const bitnet_tokenizer_t* tokenizer, int32_t id,
                                            bitnet_token_type_t* out_type) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    if (out_type == nullptr) return InvalidArgument("out_type is NULL");
    BN_TRY(CheckIds(*tokenizer, &id, 1));
    *out_type = static_cast<bitnet_token_type_t>(tokenizer->tokenizer->type(id));
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_tokenizer_stop_ids(const bitnet_tokenizer_t* tokenizer, int32_t* ids, size_t capacity,
                                          size_t* n_ids) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    return PutList<int32_t>(tokenizer->tokenizer->stop_ids(), ids, capacity, n_ids);
  });
}

bitnet_status_t bitnet_tokenizer_chat_template(const bitnet_tokenizer_t* tokenizer, char* buf, size_t capacity,
                                               size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    return PutText(tokenizer->tokenizer->chat_template(), buf, capacity, needed);
  });
}

const char* bitnet_chat_form(size_t index) noexcept {
  constexpr core::ChatForm kForms[] = {core::ChatForm::kRaw,    core::ChatForm::kBitnet,   core::ChatForm::kLlama3,
                                       core::ChatForm::kChatml, core::ChatForm::kInstruct, core::ChatForm::kTemplate};
  return index < std::size(kForms) ? core::ChatFormName(kForms[index]).data() : nullptr;  // literals
}

const char* bitnet_chat_stop_string(const char* form, size_t index) noexcept {
  if (form == nullptr) return nullptr;
  const auto stops = core::ChatStopStrings(core::ChatFormByName(form));
  return index < stops.size() ? stops[index].data() : nullptr;  // literals
}

bitnet_status_t bitnet_tokenizer_apply_chat(const bitnet_tokenizer_t* tokenizer, const char* form,
                                            const bitnet_chat_message_t* messages, size_t n_messages, uint32_t flags,
                                            int32_t* ids, size_t capacity, size_t* n_ids) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    core::ChatForm resolved = core::ChatForm::kUnknown;
    BN_TRY(ResolveForm(*tokenizer->tokenizer, form, &resolved));
    std::vector<int32_t> found;
    BN_TRY(ChatTokens(*tokenizer->tokenizer, resolved, messages, n_messages, flags, &found));
    return PutList<int32_t>(found, ids, capacity, n_ids);
  });
}

bitnet_status_t bitnet_tokenizer_chat_tokens(const bitnet_tokenizer_t* tokenizer, const bitnet_chat_message_t* messages,
                                             size_t n_messages, const bitnet_chat_options_t* options, int32_t* ids,
                                             size_t capacity, size_t* n_ids) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    std::vector<core::ChatMessage> list;
    core::TemplateOptions o;
    BN_TRY(ReadMessages(messages, n_messages, &list));
    BN_TRY(ReadChatOptions(options, &o));
    std::vector<int32_t> found;
    const core::Status status = core::ApplyTemplate(*tokenizer->tokenizer, list, o, found);
    if (!status.ok()) return Fail(status);
    return PutList<int32_t>(found, ids, capacity, n_ids);
  });
}

bitnet_status_t bitnet_tokenizer_chat_text(const bitnet_tokenizer_t* tokenizer, const bitnet_chat_message_t* messages,
                                           size_t n_messages, const bitnet_chat_options_t* options, char* buf,
                                           size_t capacity, size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (tokenizer == nullptr) return InvalidArgument("tokenizer is NULL");
    std::vector<core::ChatMessage> list;
    core::TemplateOptions o;
    BN_TRY(ReadMessages(messages, n_messages, &list));
    BN_TRY(ReadChatOptions(options, &o));
    const auto text = core::RenderChat(*tokenizer->tokenizer, list, o);
    if (!text.ok()) return Fail(text.status());
    return PutText(text->bytes(), buf, capacity, needed);
  });
}

}  // extern "C"
