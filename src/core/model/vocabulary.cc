#include "core/model/vocabulary.h"

#include <filesystem>

#include "core/base/mapped_file.h"
#include "core/base/text.h"
#include "core/tokenizer/jinja/limits.h"

namespace bitnet::core {

namespace {

namespace fs = std::filesystem;

constexpr char kTokenizerName[] = "tokenizer.json";
constexpr char kSentencePieceName[] = "tokenizer.model";
constexpr char kTokenizerConfigName[] = "tokenizer_config.json";
constexpr char kChatTemplateName[] = "chat_template.jinja";

std::string_view TextOf(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Empty where there is none.
Result<MappedFile> MapIfThere(const std::string& folder, const char* name) {
  const fs::path path = fs::path(folder) / name;
  if (!MayExist(path.string())) return MappedFile();
  auto file = MappedFile::Map(path.string());
  if (file.ok()) return file;
  return Status(file.status().code(), Cat(name, ": ", file.status().message()), name);
}

}  // namespace

std::string_view TokenizerSideFiles::ConfigText() const { return TextOf(config.bytes()); }
std::string_view TokenizerSideFiles::TemplateText() const { return TextOf(chat_template.bytes()); }

Result<TokenizerSideFiles> MapTokenizerSideFiles(const std::string& folder) {
  TokenizerSideFiles out;
  BN_ASSIGN_OR_RETURN(out.config, MapIfThere(folder, kTokenizerConfigName));
  BN_ASSIGN_OR_RETURN(out.chat_template, MapIfThere(folder, kChatTemplateName));
  const std::string_view text = out.TemplateText();
  if (text.size() > jinja::kMaxTemplateBytes) {
    return Status(Code::kLimit,
                  Cat(kChatTemplateName, ": the template has ", text.size(), " bytes, at most ",
                      jinja::kMaxTemplateBytes, " are read"),
                  kChatTemplateName);
  }
  if (!IsUtf8(text)) {
    return Status(Code::kBadFormat, Cat(kChatTemplateName, ": is no UTF-8; fetch the folder again"), kChatTemplateName);
  }
  return out;
}

Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(std::span<const std::byte> bytes, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn) {
  return Tokenizer::FromBytes(bytes, {}, pre, warn);
}

Result<TokenizerFile> MapTokenizer(const std::string& path) {
  std::error_code ignored;
  const bool is_folder = path.find('\0') == std::string::npos && fs::is_directory(path, ignored);
  fs::path file = path;
  if (is_folder) {
    // What the model's own library reads first.
    file /= kTokenizerName;
    const fs::path other = fs::path(path) / kSentencePieceName;
    if (!MayExist(file.string())) {
      if (!MayExist(other.string())) {
        return Status(Code::kNotFound,
                      Cat("path ", Quoted(path, 256), " is a directory without ", kTokenizerName, " or ",
                          kSentencePieceName, ", expected a tokenizer: add one, or name another"),
                      kTokenizerName);
      }
      file = other;
    }
  }
  auto bytes = MappedFile::Map(file.string());
  if (!bytes.ok() && is_folder) {
    const std::string name = file.filename().string();
    return Status(bytes.status().code(), Cat(name, ": ", bytes.status().message()), name);
  }
  if (!bytes.ok()) return bytes.status();
  TokenizerFile out;
  out.bytes = *std::move(bytes);
  if (TokenizerFileKindOf(out.bytes.bytes()) != TokenizerFileKind::kGguf) {
    BN_ASSIGN_OR_RETURN(out.beside, MapTokenizerSideFiles(file.parent_path().string()));
  }
  return out;
}

Result<std::shared_ptr<const Tokenizer>> LoadTokenizer(const std::string& path, std::string_view pre,
                                                       const std::function<void(std::string_view)>& warn) {
  BN_ASSIGN_OR_RETURN(const TokenizerFile file, MapTokenizer(path));
  return Tokenizer::FromBytes(file.bytes.bytes(), file.beside.ConfigText(), pre, warn, file.beside.TemplateText());
}

}  // namespace bitnet::core
