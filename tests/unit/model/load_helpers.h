// Loading models from memory and files, with two threads, for the tests of this folder.
#ifndef BITNET_TESTS_UNIT_MODEL_LOAD_HELPERS_H_
#define BITNET_TESTS_UNIT_MODEL_LOAD_HELPERS_H_

#include <memory>
#include <string>

#include "core/model/model.h"
#include "support/catch.h"

namespace bitnet::core {

using LoadedModel = Result<std::shared_ptr<const Model>>;

inline ThreadPool& Pool() {
  static const std::unique_ptr<ThreadPool> pool = *ThreadPool::Create(2);
  return *pool;
}

inline std::span<const std::byte> AsBytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// `file` must outlive the model.
inline LoadedModel Load(const std::string& file, const LoadSpec& spec = {}) {
  return Model::LoadMemory(AsBytes(file), spec, Pool(), DefaultAllocator());
}

inline LoadedModel LoadPath(const std::string& path, const LoadSpec& spec = {}) {
  return Model::LoadFile(path, spec, Pool(), DefaultAllocator());
}

inline std::shared_ptr<const Model> Loaded(const LoadedModel& result) {
  INFO(result.status().message());
  REQUIRE(result.ok());
  return *result;
}

// The load must fail so, naming `what`, with `part` in its message.
inline void CheckRefused(const LoadedModel& result, Code code, std::string_view what, std::string_view part = "") {
  REQUIRE_FALSE(result.ok());
  INFO(result.status().message());
  CHECK(result.status().code() == code);
  CHECK(result.status().what() == what);
  CHECK(result.status().message().find(part) != std::string_view::npos);
}

}  // namespace bitnet::core

#endif  // BITNET_TESTS_UNIT_MODEL_LOAD_HELPERS_H_
