// Main of every test program: a test without a check and a name that matches no test are failures, a skip is counted.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_session.hpp>
#else
#define CATCH_CONFIG_RUNNER
#endif
#include "support/catch.h"

namespace bitnet_test {
namespace {

#if __has_include(<catch2/catch_all.hpp>)
constexpr int kStrict = Catch::WarnAbout::NoAssertions | Catch::WarnAbout::UnmatchedTestSpec;
bool ListsOnly(const Catch::ConfigData& config) {
  return config.listTests || config.listTags || config.listReporters || config.showHelp;
}
#else
constexpr int kStrict = Catch::WarnAbout::NoAssertions | Catch::WarnAbout::NoTests;
bool ListsOnly(const Catch::ConfigData& config) {
  return config.listTests || config.listTestNamesOnly || config.listTags || config.listReporters || config.showHelp;
}
#endif

}  // namespace
}  // namespace bitnet_test

int main(int argc, char** argv) {
  using namespace bitnet_test;
  Catch::Session session;
  if (session.applyCommandLine(argc, argv) != 0) return kExitFailed;
  auto& config = session.configData();
  config.warnings = static_cast<decltype(config.warnings)>(config.warnings | kStrict);
  const int result = session.run();
  if (ListsOnly(config)) return result;  // the number of things listed, which CMake's module expects
  if (result != 0) return kExitFailed;
  return AnySkipped() ? kExitSkipped : 0;
}
