#include "core/model/vocabulary.h"

#include <filesystem>

#include "core/base/mapped_file.h"

namespace bitnet::core {

namespace {

namespace fs = std::filesystem;

constexpr char kTokenizerName[] = "tokenizer.json";
constexpr char kSentencePieceName[] = "tokenizer.model";
constexpr char kTokenizerConfigName[] = "tokenizer_config.json";

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(std::span<const std::byte> bytes, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn) {
  return Tokenizer::FromBytes(bytes, {}, pre, warn);
}

Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn) {
  std::error_code ignored;
  const bool is_folder = path.find('\0') == std::string::npos && fs::is_directory(path, ignored);
  fs::path file = path;
  if (is_folder) {
    // What the model's own library reads first.
    file /= kTokenizerName;
    const fs::path other = fs::path(path) / kSentencePieceName;
    if (!fs::exists(file, ignored) && fs::exists(other, ignored)) file = other;
  }
  const auto bytes = MappedFile::Map(file.string());
  if (!bytes.ok() && is_folder) {
    const std::string name = file.filename().string();
    return Status(bytes.status().code(), Cat(name, ": ", bytes.status().message()), name);
  }
  if (!bytes.ok()) return bytes.status();
  MappedFile config;
  const fs::path config_path = file.parent_path() / kTokenizerConfigName;
  if (TokenizerFileKindOf(bytes->bytes()) != TokenizerFileKind::kGguf && fs::exists(config_path, ignored)) {
    BN_ASSIGN_OR_RETURN(config, MappedFile::Map(config_path.string()));
  }
  return Tokenizer::FromBytes(bytes->bytes(), AsText(config.bytes()), pre, warn);
}

}  // namespace bitnet::core
