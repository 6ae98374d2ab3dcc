#include "core/base/system_info.h"

#include <sched.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "core/base/text.h"

namespace bitnet::core {

namespace {

constexpr uintptr_t kHugePage = uintptr_t{2} << 20;

// First line of a small file that begins with `prefix`, "" when there is none.
std::string FirstLine(const std::string& path, std::string_view prefix = "") {
  std::string found;
  if (FILE* f = std::fopen(path.c_str(), "re")) {
    char line[256];
    while (std::fgets(line, sizeof line, f) != nullptr) {
      if (!std::string_view(line).starts_with(prefix)) continue;
      found = line;
      break;
    }
    std::fclose(f);
  }
  return found;
}

// The number after `prefix` in that line.
std::optional<uint64_t> Number(const std::string& path, std::string_view prefix = "") {
  const std::string line = FirstLine(path, prefix);
  unsigned long long n = 0;
  if (line.empty() || std::sscanf(line.c_str() + prefix.size(), "%llu", &n) != 1) return std::nullopt;
  return n;
}

// CPUs' worth of time that the cgroup (v2, then v1) allows, 0 when unlimited or unknown.
uint32_t CgroupQuota() {
  double quota = 0, period = 0;
  const std::string v2 = FirstLine("/sys/fs/cgroup/cpu.max");
  if (std::sscanf(v2.c_str(), "%lf %lf", &quota, &period) != 2) {
    quota = std::atof(FirstLine("/sys/fs/cgroup/cpu/cpu.cfs_quota_us").c_str());
    period = std::atof(FirstLine("/sys/fs/cgroup/cpu/cpu.cfs_period_us").c_str());
  }
  if (!(quota > 0) || !(period > 0)) return 0;
  return static_cast<uint32_t>(std::max(1.0, quota / period));
}

// Bytes that the cgroup (v2, then v1) leaves, nothing when unlimited or unknown. Pages of files that are not in use
// count as used, but give way.
std::optional<uint64_t> CgroupMemory() {
  const auto left = [](const std::string& limit, const std::string& usage, const std::string& stat,
                       std::string_view inactive) -> std::optional<uint64_t> {
    const auto max = Number(limit), used = Number(usage);
    if (!max || !used) return std::nullopt;
    const uint64_t held = *used - std::min(*used, Number(stat, inactive).value_or(0));
    return *max - std::min(*max, held);
  };
  const std::string v2 = "/sys/fs/cgroup/memory.", v1 = "/sys/fs/cgroup/memory/memory.";
  if (const auto bytes = left(v2 + "max", v2 + "current", v2 + "stat", "inactive_file ")) return bytes;
  return left(v1 + "limit_in_bytes", v1 + "usage_in_bytes", v1 + "stat", "total_inactive_file ");
}

}  // namespace

uint32_t UsableCores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  std::set<std::string> cores;  // hyper-threads of one core share their list of siblings
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    std::string siblings = FirstLine(Cat("/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    cores.insert(siblings.empty() ? Cat("cpu", cpu) : std::move(siblings));
  }
  uint32_t n = std::max<uint32_t>(1, static_cast<uint32_t>(cores.size()));
  if (const uint32_t quota = CgroupQuota(); quota != 0) n = std::min(n, quota);
  return n;
}

uint64_t SpareMemory() {
  const auto kib = Number("/proc/meminfo", "MemAvailable:");
  if (!kib) return 0;
  return std::min(*kib * 1024, CgroupMemory().value_or(std::numeric_limits<uint64_t>::max()));
}

bool HugePagesOffered() {
  const std::string line = FirstLine("/sys/kernel/mm/transparent_hugepage/enabled");  // "always [madvise] never"
  return line.find("[always]") != std::string::npos || line.find("[madvise]") != std::string::npos;
}

void AskForHugePages(void* block, size_t n_bytes) {
  const auto address = reinterpret_cast<uintptr_t>(block);
  const uintptr_t begin = (address + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t end = (address + n_bytes) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

}  // namespace bitnet::core
