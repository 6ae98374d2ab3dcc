// Folders, files and conversions for the tests of this folder.
#ifndef BITNET_TESTS_UNIT_CONVERT_CONVERT_HELPERS_H_
#define BITNET_TESTS_UNIT_CONVERT_CONVERT_HELPERS_H_

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "core/convert/convert.h"
#include "unit/model/load_helpers.h"

namespace bitnet::core {

// The folder of one test; removed when it goes.
class ConvertFolder {
 public:
  ConvertFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "bitnet_convert.XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~ConvertFolder() { std::filesystem::remove_all(path_); }
  std::string path() const { return path_.string(); }
  std::string File(std::string_view name) const { return (path_ / name).string(); }
  std::string Write(std::string_view name, std::string_view bytes) const {
    std::ofstream(File(name), std::ios::binary) << bytes;
    return File(name);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) out.push_back(entry.path().filename());
    std::sort(out.begin(), out.end());
    return out;
  }

 private:
  std::filesystem::path path_;
};

inline std::string FileText(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

inline ConvertReport Converted(const std::string& source, const std::string& target, const ConvertSpec& spec = {}) {
  const auto report = ConvertToGguf(source, target, spec, Pool());
  INFO(report.status().message());
  REQUIRE(report.ok());
  return *report;
}

inline void CheckNotConverted(const std::string& source, const std::string& target, const ConvertSpec& spec, Code code,
                              std::string_view part) {
  const auto report = ConvertToGguf(source, target, spec, Pool());
  REQUIRE_FALSE(report.ok());
  INFO(report.status().message());
  CHECK(report.status().code() == code);
  CHECK(report.status().message().find(part) != std::string_view::npos);
}

// The new file, loaded as any model is; the report says the digests that it has.
inline std::shared_ptr<const Model> LoadConverted(const std::string& target, const ConvertReport& report) {
  const auto model = Loaded(LoadPath(target));
  CHECK(ToHex(model->TernarySha256()) == ToHex(report.ternary_sha256));
  CHECK(ToHex(model->TernaryScalesSha256()) == ToHex(report.ternary_scales_sha256));
  CHECK(model->size_bytes() == report.file_bytes);
  CHECK(model->tensors().size() == report.n_tensors);
  return model;
}

}  // namespace bitnet::core

#endif  // BITNET_TESTS_UNIT_CONVERT_CONVERT_HELPERS_H_
