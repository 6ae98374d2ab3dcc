#include <set>
#include <string>

#include "kernels/kernel_table.h"
#include "support/catch.h"

namespace bitnet::kernels {
namespace {

TEST_CASE("the available tables end with the reference and are found by name", "[kernels][registry]") {
  size_t count = 0;
  const KernelTable* const* tables = AvailableTables(&count);
  REQUIRE(count >= 1);
  CHECK(tables[count - 1] == &ReferenceTable());
  CHECK(std::string(ReferenceTable().name) == "portable");
  for (size_t i = 0; i < count; ++i) CHECK(FindTable(tables[i]->name) == tables[i]);
  CHECK(FindTable("") == tables[0]);
  CHECK(FindTable(nullptr) == tables[0]);
}

TEST_CASE("a name that is not exactly a table's finds none", "[kernels][registry]") {
  for (const char* name : {"Portable", "portable ", "portabl", "avx9", "auto"}) CHECK(FindTable(name) == nullptr);
}

TEST_CASE("every available table is among the built ones, once", "[kernels][registry]") {
  size_t n_names = 0;
  const char* const* names = BuiltTableNames(&n_names);
  const std::set<std::string> built(names, names + n_names);
  CHECK(built.size() == n_names);
  size_t count = 0;
  const KernelTable* const* tables = AvailableTables(&count);
  for (size_t i = 0; i < count; ++i) CHECK(built.count(tables[i]->name) == 1);
}

TEST_CASE("every operation has a name of its own", "[kernels][registry]") {
  std::set<std::string> names;
  for (size_t i = 0; i < kOpCount; ++i) names.insert(OpName(static_cast<Op>(i)));
  CHECK(names.size() == kOpCount);
  CHECK(names.count("ternary_gemv") == 1);
  CHECK(names.count("unknown") == 0);
}

}  // namespace
}  // namespace bitnet::kernels
