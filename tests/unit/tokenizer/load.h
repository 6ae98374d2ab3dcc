// Tokenizers of the test material.
#ifndef BITNET_TESTS_UNIT_TOKENIZER_LOAD_H_
#define BITNET_TESTS_UNIT_TOKENIZER_LOAD_H_

#include <memory>
#include <string>
#include <vector>

#include "core/base/json_reader.h"
#include "core/base/mapped_file.h"
#include "core/format/gguf.h"
#include "core/tokenizer/tokenizer.h"
#include "support/catch.h"

namespace bitnet::test {

using Ids = std::vector<int32_t>;

// A tokenizer and what was said while it loaded; the file is closed again: a tokenizer needs it no more.
struct Loaded {
  core::Result<std::shared_ptr<const core::Tokenizer>> result;
  std::vector<std::string> warnings;
};

inline Loaded LoadFromGguf(const std::string& path, std::string_view pre = {}) {
  const auto file = core::MappedFile::Map(path);
  if (!file.ok()) FAIL(path << ": " << file.status().message());
  const auto gguf = core::Gguf::Parse(file->bytes());
  if (!gguf.ok()) FAIL(path << ": " << gguf.status().message());
  std::vector<std::string> warnings;
  auto result = core::Tokenizer::FromGguf(*gguf, pre, [&](std::string_view w) { warnings.emplace_back(w); });
  return {std::move(result), std::move(warnings)};
}

inline std::shared_ptr<const core::Tokenizer> Tokenizer(const std::string& path, std::string_view pre = {}) {
  const Loaded loaded = LoadFromGguf(path, pre);
  if (!loaded.result.ok()) FAIL(path << ": " << loaded.result.status().message());
  return *loaded.result;
}

// The tokenizer of a set of tests/data/tokenizers.tar.xz.
inline std::string SetFolder(const std::string& set) { return BITNET_TEST_UNPACKED "/tokenizers/" + set; }
inline std::shared_ptr<const core::Tokenizer> SetTokenizer(const std::string& set) {
  return Tokenizer(SetFolder(set) + "/vocab.gguf");
}
inline std::shared_ptr<const core::Tokenizer> TinyTokenizer() { return Tokenizer(BITNET_TINY_MODEL); }

inline std::string ReadText(const std::string& path) {
  const auto file = core::MappedFile::Map(path);
  if (!file.ok()) FAIL(path << ": " << file.status().message());
  return {reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()};
}

// The tokenizer of a set from its tokenizer.json and tokenizer_config.json.
inline std::shared_ptr<const core::Tokenizer> JsonTokenizer(const std::string& set,
                                                            const std::string& file = "tokenizer.json") {
  auto tokenizer = core::Tokenizer::FromJson(ReadText(SetFolder(set) + "/" + file),
                                             ReadText(SetFolder(set) + "/tokenizer_config.json"));
  if (!tokenizer.ok()) FAIL(set << ": " << tokenizer.status().message());
  return *std::move(tokenizer);
}

inline core::JsonValue ReadJson(const std::string& path) {
  auto json = core::ParseJson(ReadText(path));
  if (!json.ok()) FAIL(path << ": " << json.status().message());
  return *std::move(json);
}

// A member that the test material always has.
inline const core::JsonValue& Member(const core::JsonValue& object, std::string_view key) {
  const core::JsonValue* value = object.Find(key);
  if (value == nullptr) FAIL("no member " << key);
  return *value;
}

inline Ids IdsOf(const core::JsonValue& array) {
  Ids ids;
  for (const core::JsonValue& id : array.array) ids.push_back(static_cast<int32_t>(id.uinteger));
  return ids;
}

inline Ids Encode(const core::Tokenizer& tokenizer, std::string_view text,
                  core::EncodeOptions options = {false, false}) {
  Ids ids;
  tokenizer.Encode(text, options, ids);
  return ids;
}

}  // namespace bitnet::test

#endif  // BITNET_TESTS_UNIT_TOKENIZER_LOAD_H_
