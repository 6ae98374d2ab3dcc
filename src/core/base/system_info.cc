#include "core/base/system_info.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/text.h"

namespace bitnet::core {

namespace {

constexpr uintptr_t kHugePage = uintptr_t{2} << 20;

// The lines of a small file, none when it cannot be read.
std::vector<std::string> Lines(const std::string& path) {
  std::vector<std::string> lines;
  FILE* const file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return lines;
  char line[512];  // what is longer comes in pieces, of which none looks like what is sought
  while (std::fgets(line, sizeof line, file) != nullptr) {
    lines.emplace_back(line);
    if (lines.back().back() == '\n') lines.back().pop_back();
  }
  std::fclose(file);
  return lines;
}

// The first that begins with `prefix`, "" when there is none.
std::string FirstLine(const std::string& path, std::string_view prefix = "") {
  for (std::string& line : Lines(path)) {
    if (line.starts_with(prefix)) return std::move(line);
  }
  return "";
}

// The number after `prefix` in that line.
std::optional<uint64_t> Number(const std::string& path, std::string_view prefix = "") {
  const std::string line = FirstLine(path, prefix);
  unsigned long long n = 0;
  if (line.empty() || std::sscanf(line.c_str() + prefix.size(), "%llu", &n) != 1) return std::nullopt;
  return n;
}

// Calls fn(folder) for the cgroup of this process and all that hold it, whose limits hold too: of version 2, and of
// the hierarchy of version 1 that has `controller`.
template <class F>
void ForEachCgroup(const std::string& root, const std::string& controller, F&& fn) {
  const auto up_from = [&](const std::string& mount, std::string path) {
    if (path == "/" || path.find("/..") != std::string::npos) path.clear();  // the root, or outside of what is mounted
    for (;; path.resize(path.rfind('/'))) {
      fn(mount + path + "/");
      if (path.rfind('/') == std::string::npos) return;
    }
  };
  // Lines "number:controllers:/path"; of version 2 "0::/path".
  for (const std::string& line : Lines(root + "/proc/self/cgroup")) {
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const std::string path = line.substr(second + 1);
    if (controllers == ",,") up_from(root + "/sys/fs/cgroup", path);
    if (controllers.find("," + controller + ",") != std::string::npos) {
      up_from(root + "/sys/fs/cgroup/" + controller, path);
    }
  }
}

// CPUs' worth of time that cgroups allow, 0 when unlimited or unknown.
uint32_t CgroupCores(const std::string& root) {
  double least = 0;
  ForEachCgroup(root, "cpu", [&](const std::string& folder) {
    double quota = 0, period = 0;
    if (std::sscanf(FirstLine(folder + "cpu.max").c_str(), "%lf %lf", &quota, &period) != 2) {
      quota = std::atof(FirstLine(folder + "cpu.cfs_quota_us").c_str());
      period = std::atof(FirstLine(folder + "cpu.cfs_period_us").c_str());
    }
    if (quota > 0 && period > 0 && (least == 0 || quota / period < least)) least = quota / period;
  });
  return least == 0 ? 0 : static_cast<uint32_t>(std::clamp(least, 1.0, 1e6));
}

// Bytes that cgroups leave, the largest number when unlimited or unknown. Pages of files count as used there, but give
// way.
uint64_t CgroupMemory(const std::string& root) {
  uint64_t least = std::numeric_limits<uint64_t>::max();
  const auto look = [&](const std::string& limit, const std::string& usage, const std::string& stat,
                        const std::string& total) {
    const auto max = Number(limit), used = Number(usage);
    if (!max || !used) return;
    const uint64_t files =
        Number(stat, total + "inactive_file ").value_or(0) + Number(stat, total + "active_file ").value_or(0);
    const uint64_t held = *used - std::min(*used, files);
    least = std::min(least, *max - std::min(*max, held));
  };
  ForEachCgroup(root, "memory", [&](const std::string& folder) {
    const std::string f = folder + "memory.";
    look(f + "max", f + "current", f + "stat", "");
    look(f + "high", f + "current", f + "stat", "");  // beyond it the group is slowed down
    look(f + "limit_in_bytes", f + "usage_in_bytes", f + "stat", "total_");
  });
  return least;
}

}  // namespace

uint32_t UsableCores(const std::string& root) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  std::set<std::string> cores;  // hyper-threads of one core share their list of siblings
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    std::string siblings = FirstLine(Cat(root, "/sys/devices/system/cpu/cpu", cpu, "/topology/thread_siblings_list"));
    cores.insert(siblings.empty() ? Cat("cpu", cpu) : std::move(siblings));
  }
  uint32_t n = std::max<uint32_t>(1, static_cast<uint32_t>(cores.size()));
  if (const uint32_t allowed = CgroupCores(root); allowed != 0) n = std::min(n, allowed);
  return n;
}

uint64_t SpareMemory(const std::string& root) {
  const auto kib = Number(root + "/proc/meminfo", "MemAvailable:");
  return kib ? std::min(*kib * 1024, CgroupMemory(root)) : 0;
}

bool HugePagesOffered(const std::string& root) {
  const std::string folder = root + "/sys/kernel/mm/transparent_hugepage/";
  if (::prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) == 1) return false;
  if (Number(folder + "hpage_pmd_size").value_or(kHugePage) != kHugePage) return false;
  const std::string line = FirstLine(folder + "enabled");  // "always [madvise] never"
  return line.find("[always]") != std::string::npos || line.find("[madvise]") != std::string::npos;
}

void AskForHugePages(void* block, size_t n_bytes) {
  const auto address = reinterpret_cast<uintptr_t>(block);
  const uintptr_t begin = (address + kHugePage - 1) / kHugePage * kHugePage;
  const uintptr_t end = (address + n_bytes) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

}  // namespace bitnet::core
