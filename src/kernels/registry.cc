// The tables that this library has, and those of them that this CPU can run.
#include <array>
#include <cstring>

#include "kernels/cpu/tables.h"
#include "kernels/kernel_table.h"

namespace bitnet::kernels {
namespace {

constexpr size_t kMaxTables = 16;

struct Registry {
  std::array<const KernelTable*, kMaxTables> available{};
  size_t n_available = 0;
  std::array<const char*, kMaxTables> names{};
  size_t n_names = 0;
};

Registry MakeRegistry() noexcept {
  Registry r;
  r.n_available = CpuTables(r.available.data(), kMaxTables - 1);
  size_t n_built = 0;
  const char* const* const built = CpuTableNames(&n_built);
  for (size_t i = 0; i < n_built; ++i) r.names[r.n_names++] = built[i];
  r.available[r.n_available++] = &ReferenceTable();
  r.names[r.n_names++] = ReferenceTable().name;
  return r;
}

const Registry& GetRegistry() noexcept {
  static const Registry registry = MakeRegistry();
  return registry;
}

}  // namespace

const KernelTable* const* AvailableTables(size_t* count) noexcept {
  *count = GetRegistry().n_available;
  return GetRegistry().available.data();
}

const KernelTable* FindTable(const char* name) noexcept {
  const Registry& r = GetRegistry();
  if (name == nullptr || *name == '\0') return r.available[0];
  for (size_t i = 0; i < r.n_available; ++i) {
    if (std::strcmp(r.available[i]->name, name) == 0) return r.available[i];
  }
  return nullptr;
}

const char* const* BuiltTableNames(size_t* count) noexcept {
  *count = GetRegistry().n_names;
  return GetRegistry().names.data();
}

}  // namespace bitnet::kernels
