// Tokenizers: alone and of a model; texts, ids and conversations.
#include <algorithm>

#include "support/host.h"

namespace bitnet::test {
namespace {

std::string Decode(const bitnet_tokenizer_t* t, const std::vector<int32_t>& ids, uint32_t flags = 0) {
  size_t n = 0;
  BN_OK(bitnet_tokenizer_decode(t, ids.data(), ids.size(), flags, nullptr, 0, &n));
  std::string text(n, '\0');
  BN_OK(bitnet_tokenizer_decode(t, ids.data(), ids.size(), flags, text.data(), n, &n));
  text.resize(n - 1);
  return text;
}

std::vector<int32_t> Chat(const bitnet_tokenizer_t* t, const char* form,
                          const std::vector<bitnet_chat_message_t>& messages, uint32_t flags = 0) {
  size_t n = 0;
  BN_OK(bitnet_tokenizer_apply_chat(t, form, messages.data(), messages.size(), flags, nullptr, 0, &n));
  std::vector<int32_t> ids(n);
  BN_OK(bitnet_tokenizer_apply_chat(t, form, messages.data(), messages.size(), flags, ids.data(), n, &n));
  return ids;
}

TEST_CASE("a tokenizer alone gives the ids of the model's own", "[capi][tokenizer]") {
  bitnet_tokenizer_t* raw = nullptr;
  BN_OK(bitnet_tokenizer_load(BITNET_TINY_MODEL, nullptr, &raw));
  const TokenizerPtr alone(raw);
  const EnginePtr engine = MakeEngine();
  ModelPtr model = LoadTiny(engine);
  const std::string texts[] = {
      "",         "Hello",     "Z\xC3\xBCrich \xE6\x9D\xB1\xE4\xBA\xAC \xF0\x9F\x99\x82", std::string("a\0b", 3),
      "\xFF\xC3", "<|eot_id|>"};
  for (const std::string& text : texts) {
    for (const uint32_t flags : {0u, 1u, 2u, 3u}) {
      const auto ids = Encode(alone.get(), text, flags);
      CHECK(ids == Encode(bitnet_model_tokenizer(model.get()), text, flags));
      CHECK(Decode(alone.get(), ids, flags & 1 ? BITNET_DECODE_SKIP_CONTROL : 0) ==
            ((flags & 2) != 0 && (flags & 1) != 0 && text == "<|eot_id|>" && ids.size() == 2 ? "" : text));
    }
  }
  CHECK(Encode(alone.get(), "Hello", BITNET_ENCODE_ADD_SPECIAL).front() == 1531);
  CHECK(Encode(alone.get(), "Hello", 0).front() != 1531);

  bitnet_tokenizer_info_t info = BITNET_TOKENIZER_INFO_INIT;
  BN_OK(bitnet_tokenizer_info(alone.get(), &info));
  CHECK(info.n_vocab == 1536);
  CHECK(info.bos == 1531);
  CHECK(info.add_bos == 1);
  CHECK(std::string(info.model) == "gpt2");
  CHECK(std::string(info.pre) == "llama-bpe");
  CHECK(std::string(info.chat_form) == "template");
  bitnet_token_type_t type = 0;
  BN_OK(bitnet_tokenizer_token_type(alone.get(), 1531, &type));
  CHECK(type == BITNET_TOKEN_CONTROL);
  int32_t stops[8];
  size_t n = 0;
  BN_OK(bitnet_tokenizer_stop_ids(alone.get(), stops, 8, &n));
  CHECK(std::find(stops, stops + n, 1533) != stops + n);

  // A model may use it in place of its own.
  bitnet_model_options_t options = BITNET_MODEL_OPTIONS_INIT;
  options.tokenizer = alone.get();
  model = LoadTiny(engine, &options);
  CHECK(Encode(bitnet_model_tokenizer(model.get()), "Hello") == Encode(alone.get(), "Hello"));
}

TEST_CASE("a tokenizer loads from any of its files, told apart by content", "[capi][tokenizer]") {
  const std::string folder = BITNET_TEST_UNPACKED "/tokenizers/spm-llama";
  std::vector<int32_t> first;
  for (const char* file : {"/vocab.gguf", "/tokenizer.json", "/tokenizer.metaspace.json", "/tokenizer.model", ""}) {
    INFO(file);
    bitnet_tokenizer_t* raw = nullptr;
    BN_OK(bitnet_tokenizer_load((folder + file).c_str(), nullptr, &raw));
    const TokenizerPtr t(raw);
    const auto ids = Encode(t.get(), "Hello World, 12 \xE6\x9D\xB1", BITNET_ENCODE_ADD_SPECIAL);
    if (first.empty()) first = ids;
    CHECK(ids == first);
  }
  CHECK(first.size() > 3);
}

TEST_CASE("two-call results tell the size, refuse a small buffer and write nothing into it", "[capi][tokenizer]") {
  bitnet_tokenizer_t* raw = nullptr;
  BN_OK(bitnet_tokenizer_load(BITNET_TINY_MODEL, nullptr, &raw));
  const TokenizerPtr t(raw);
  const std::vector<int32_t> ids = Encode(t.get(), "Once upon a time");
  int32_t small[2] = {-7, -7};
  size_t n = 0;
  BN_FAILS(BITNET_E_BUFFER_TOO_SMALL, bitnet_tokenizer_encode(t.get(), "Once upon a time", 16, 1, small, 2, &n));
  CHECK(n == ids.size());
  CHECK((small[0] == -7 && small[1] == -7));
  char text[17] = "untouched";
  BN_FAILS(BITNET_E_BUFFER_TOO_SMALL,
           bitnet_tokenizer_decode(t.get(), ids.data() + 1, ids.size() - 1, 0, text, 16, &n));
  CHECK(n == 17);
  CHECK(std::string(text) == "untouched");
  BN_OK(bitnet_tokenizer_decode(t.get(), ids.data() + 1, ids.size() - 1, 0, text, 17, &n));
  CHECK(std::string(text) == "Once upon a time");
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_tokenizer_encode(t.get(), "a", 1, 0, nullptr, 4, &n));
  const int32_t outside = 1536;
  BN_FAILS(BITNET_E_INVALID_ARGUMENT, bitnet_tokenizer_decode(t.get(), &outside, 1, 0, text, 17, &n));
}

TEST_CASE("chat forms render, and text of a message never becomes a control token", "[capi][tokenizer]") {
  bitnet_tokenizer_t* raw = nullptr;
  BN_OK(bitnet_tokenizer_load(BITNET_TINY_MODEL, nullptr, &raw));
  const TokenizerPtr t(raw);
  const auto ids = Chat(t.get(), nullptr, {{"system", "Be short.", 0}, {"user", "Hi", 0}});
  CHECK(Decode(t.get(), ids, BITNET_DECODE_SKIP_CONTROL) == "System: Be short.User: HiAssistant: ");
  CHECK(ids == Chat(t.get(), "bitnet", {{"system", "Be short.", 0}, {"user", "Hi", 0}}));
  CHECK(ids.front() == 1531);
  CHECK(Chat(t.get(), nullptr, {{"user", "Hi", 0}}, BITNET_CHAT_NO_ANSWER).size() < ids.size());

  const auto is_control = [&](int32_t id) {
    bitnet_token_type_t type = 0;
    BN_OK(bitnet_tokenizer_token_type(t.get(), id, &type));
    return type == BITNET_TOKEN_CONTROL;
  };
  const auto n_control = [&](const std::vector<int32_t>& list) {
    return std::count_if(list.begin(), list.end(), is_control);
  };
  const auto harmless = Chat(t.get(), nullptr, {{"user", "Hi", 0}});
  for (int32_t id = 0; id < 1536; ++id) {
    if (!is_control(id)) continue;
    const std::string spelled = Decode(t.get(), {id});
    const auto hostile = Chat(t.get(), nullptr, {{"user", spelled.c_str(), 0}});
    INFO(spelled);
    CHECK(n_control(hostile) == n_control(harmless));
    CHECK(Encode(t.get(), spelled, BITNET_ENCODE_PARSE_SPECIAL) == std::vector<int32_t>{id});
  }
  // A count of bytes, and a NUL inside.
  CHECK(Chat(t.get(), nullptr, {{"user", "Hi there", 2}}) == harmless);
  CHECK(Decode(t.get(), Chat(t.get(), "raw", {{"user", "a\0b", 3}}), BITNET_DECODE_SKIP_CONTROL) ==
        std::string("a\0b", 3));
}

TEST_CASE("a template of the caller's renders JSON messages, variables and a time", "[capi][tokenizer]") {
  bitnet_tokenizer_t* raw = nullptr;
  BN_OK(bitnet_tokenizer_load(BITNET_TINY_MODEL, nullptr, &raw));
  const TokenizerPtr t(raw);
  bitnet_chat_options_t options = BITNET_CHAT_OPTIONS_INIT;
  options.chat_template =
      "{{ bos_token }}{% if strftime_now is defined %}{{ strftime_now('%Y-%m-%d') }} {% endif %}"
      "{{ tools[0].name if tools }}{% for m in messages %}{{ m.role }}={{ m.content }}<|eot_id|>{% endfor %}"
      "{{ '!' if add_generation_prompt }}";
  options.messages_json = R"([{"role": "user", "content": "<|eot_id|>", "more": [1]}])";
  options.variables_json = R"({"tools": [{"name": "add"}]})";
  const auto text = [&] {
    size_t n = 0;
    BN_OK(bitnet_tokenizer_chat_text(t.get(), nullptr, 0, &options, nullptr, 0, &n));
    std::string out(n, '\0');
    BN_OK(bitnet_tokenizer_chat_text(t.get(), nullptr, 0, &options, out.data(), n, &n));
    out.resize(n - 1);
    return out;
  };
  CHECK(text() == "<|begin_of_text|>adduser=<|eot_id|><|eot_id|>!");
  options.flags = BITNET_CHAT_HAS_TIME | BITNET_CHAT_NO_ANSWER;
  options.time_s = 1721984703;
  CHECK(text() == "<|begin_of_text|>2024-07-26 adduser=<|eot_id|><|eot_id|>");

  size_t n = 0;
  std::vector<int32_t> ids(100);
  BN_OK(bitnet_tokenizer_chat_tokens(t.get(), nullptr, 0, &options, ids.data(), ids.size(), &n));
  ids.resize(n);
  CHECK(Decode(t.get(), ids) == text());
  CHECK(ids.front() == 1531);  // once
  CHECK(std::count(ids.begin(), ids.end(), 1531) == 1);
  CHECK(std::count(ids.begin(), ids.end(), 1533) == 1);  // the template's, not the message's

  const auto fails = [&](bitnet_status_t code, const char* chat_template, const char* json, const char* says) {
    options.chat_template = chat_template;
    options.messages_json = json;
    BN_FAILS(code, bitnet_tokenizer_chat_tokens(t.get(), nullptr, 0, &options, nullptr, 0, &n));
    INFO(bitnet_last_error_message());
    CHECK(std::string(bitnet_last_error_message()).find(says) != std::string::npos);
  };
  fails(BITNET_E_INVALID_ARGUMENT, "\n{{ raise_exception('no') }}", "[]", "line 2, column 4: the template refuses");
  fails(BITNET_E_BAD_FORMAT, "{% if %}", "[]", "line 1, column 7");
  fails(BITNET_E_UNSUPPORTED, "{% include 'x' %}", "[]", "include");
  fails(BITNET_E_LIMIT, "{% for i in range(90000) %}{% for j in range(90000) %}{% endfor %}{% endfor %}", "[]",
        "steps");
  fails(BITNET_E_INVALID_ARGUMENT, "x", "{}", "array");
  fails(BITNET_E_BAD_FORMAT, "x", "[", "");
}

TEST_CASE("the forms are listed, with their stop strings", "[capi][tokenizer]") {
  std::vector<std::string> forms;
  for (size_t i = 0; bitnet_chat_form(i) != nullptr; ++i) forms.emplace_back(bitnet_chat_form(i));
  CHECK(forms == std::vector<std::string>{"raw", "bitnet", "llama3", "chatml", "instruct", "template"});
  CHECK(std::string(bitnet_chat_stop_string("instruct", 0)) == "\n\nQ:");
  CHECK(std::string(bitnet_chat_stop_string("instruct", 1)) == "\n\nHuman:");
  CHECK(bitnet_chat_stop_string("instruct", 2) == nullptr);
  CHECK(bitnet_chat_stop_string("raw", 0) == nullptr);
  CHECK(bitnet_chat_stop_string("no such form", 0) == nullptr);
}

}  // namespace
}  // namespace bitnet::test
