#include "core/model/vocabulary.h"

#include <filesystem>

#include "core/base/mapped_file.h"

namespace bitnet::core {

namespace {

namespace fs = std::filesystem;

constexpr char kTokenizerName[] = "tokenizer.json";
constexpr char kTokenizerConfigName[] = "tokenizer_config.json";

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// An object begins after white space at most; no GGUF does.
bool LooksLikeJson(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{';
}

Result<std::shared_ptr<const Tokenizer>> FromBytes(std::span<const std::byte> bytes, std::string_view config,
                                                   std::string_view pre,
                                                   const std::function<void(std::string_view)>& warn) {
  if (!LooksLikeJson(AsText(bytes))) {
    BN_ASSIGN_OR_RETURN(const Gguf gguf, Gguf::Parse(bytes));
    return Tokenizer::FromGguf(gguf, pre, warn);
  }
  if (!pre.empty()) {
    return Status(Code::kInvalidArgument,
                  "pre is given beside a tokenizer.json, which has its own pattern; leave it out", "pre");
  }
  return Tokenizer::FromJson(AsText(bytes), config);
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(std::span<const std::byte> bytes, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn) {
  return FromBytes(bytes, {}, pre, warn);
}

Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn) {
  std::error_code ignored;
  const bool is_folder = path.find('\0') == std::string::npos && fs::is_directory(path, ignored);
  const fs::path file = is_folder ? fs::path(path) / kTokenizerName : fs::path(path);
  const auto bytes = MappedFile::Map(file.string());
  if (!bytes.ok() && is_folder) {
    return Status(bytes.status().code(), Cat(kTokenizerName, ": ", bytes.status().message()), kTokenizerName);
  }
  if (!bytes.ok()) return bytes.status();
  MappedFile config;
  const fs::path config_path = file.parent_path() / kTokenizerConfigName;
  if (LooksLikeJson(AsText(bytes->bytes())) && fs::exists(config_path, ignored)) {
    BN_ASSIGN_OR_RETURN(config, MappedFile::Map(config_path.string()));
  }
  return FromBytes(bytes->bytes(), AsText(config.bytes()), pre, warn);
}

}  // namespace bitnet::core
