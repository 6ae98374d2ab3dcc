#include "core/base/system_info.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "support/catch.h"

namespace bitnet::core {
namespace {

namespace fs = std::filesystem;

TEST_CASE("at least one core can be used", "[base][system_info]") {
  CHECK(UsableCores() >= 1);
  CHECK(UsableCores() <= std::max(1u, std::thread::hardware_concurrency()));
}

TEST_CASE("memory to spare is some of the machine's", "[base][system_info]") {
  const auto pages = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES));
  CHECK(SpareMemory() > 0);
  CHECK(SpareMemory() <= pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
}

// A tree of files that stands for /proc and /sys.
class FakeSystem {
 public:
  FakeSystem() : root_(fs::temp_directory_path() / ("bitnet_system." + std::to_string(::getpid()))) {
    Put("proc/meminfo", "MemTotal:       16000 kB\nMemFree:         1000 kB\nMemAvailable:    8000 kB\n");
  }
  ~FakeSystem() { fs::remove_all(root_); }
  std::string root() const { return root_.string(); }
  void Put(const std::string& path, const std::string& text) {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }

 private:
  fs::path root_;
};

TEST_CASE("limits of cgroups are found where they are set", "[base][system_info]") {
  FakeSystem s;
  CHECK(SpareMemory(s.root()) == 8000 * 1024);
  CHECK(SpareMemory(s.root() + "/nowhere") == 0);
  SECTION("version 2: the own group, and those that hold it") {
    s.Put("proc/self/cgroup", "0::/a.slice/b.service\n");
    s.Put("sys/fs/cgroup/a.slice/b.service/memory.max", "max\n");
    s.Put("sys/fs/cgroup/a.slice/b.service/memory.current", "1000\n");
    CHECK(SpareMemory(s.root()) == 8000 * 1024);
    s.Put("sys/fs/cgroup/a.slice/memory.max", "5000000\n");
    s.Put("sys/fs/cgroup/a.slice/memory.current", "3000000\n");
    CHECK(SpareMemory(s.root()) == 2000000);
    s.Put("sys/fs/cgroup/a.slice/memory.stat", "anon 500000\ninactive_file 1000000\n");
    CHECK(SpareMemory(s.root()) == 3000000);
    s.Put("sys/fs/cgroup/a.slice/b.service/memory.max", "4000\n");
    CHECK(SpareMemory(s.root()) == 3000);
    s.Put("sys/fs/cgroup/a.slice/b.service/memory.max", "500\n");
    CHECK(SpareMemory(s.root()) == 0);
    CHECK(UsableCores(s.root()) >= 1);
    s.Put("sys/fs/cgroup/a.slice/cpu.max", "150000 100000\n");
    CHECK(UsableCores(s.root()) == 1);
  }
  SECTION("version 2 in a namespace of its own: the root is the group") {
    s.Put("proc/self/cgroup", "0::/\n");
    s.Put("sys/fs/cgroup/memory.max", "1000000\n");
    s.Put("sys/fs/cgroup/memory.current", "400000\n");
    CHECK(SpareMemory(s.root()) == 600000);
    s.Put("proc/self/cgroup", "0::/../other\n");
    CHECK(SpareMemory(s.root()) == 600000);
  }
  SECTION("version 1: the hierarchy of memory, its root where only that is mounted") {
    s.Put("proc/self/cgroup", "5:cpuset:/\n4:memory:/box/1\n3:cpu,cpuacct:/box\n0::/\n");
    s.Put("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
    s.Put("sys/fs/cgroup/memory/memory.usage_in_bytes", "900000\n");
    CHECK(SpareMemory(s.root()) == 8000 * 1024);
    s.Put("sys/fs/cgroup/memory/box/1/memory.limit_in_bytes", "700000\n");
    s.Put("sys/fs/cgroup/memory/box/1/memory.usage_in_bytes", "100000\n");
    s.Put("sys/fs/cgroup/memory/box/1/memory.stat", "inactive_file 1\ntotal_inactive_file 50000\n");
    CHECK(SpareMemory(s.root()) == 650000);
    s.Put("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "100000\n");
    s.Put("sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
    CHECK(UsableCores(s.root()) == 1);
    s.Put("sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
    CHECK(UsableCores(s.root()) >= 1);
  }
}

TEST_CASE("huge pages are offered to all or to who asks", "[base][system_info]") {
  FakeSystem s;
  CHECK_FALSE(HugePagesOffered(s.root()));
  for (const auto& [line, offered] : {std::pair{"[always] madvise never", true},
                                      {"always [madvise] never", true},
                                      {"always madvise [never]", false}}) {
    s.Put("sys/kernel/mm/transparent_hugepage/enabled", line);
    CHECK(HugePagesOffered(s.root()) == offered);
  }
}

// What /proc/self/smaps says of the mapping that holds `address`, in KiB; -1 where it says nothing.
struct Resident {
  long all = -1, huge = -1;
};
Resident ResidentAt(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  Resident out;
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long first = 0, end = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &first, &end) == 2) {
      const auto a = reinterpret_cast<unsigned long>(address);
      inside = first <= a && a < end;
    } else if (inside) {
      std::sscanf(line.c_str(), "Rss: %ld kB", &out.all);
      std::sscanf(line.c_str(), "AnonHugePages: %ld kB", &out.huge);
    }
  }
  return out;
}

TEST_CASE("a block that asks for huge pages has them where the kernel offers them", "[base][system_info]") {
  constexpr size_t kBytes = size_t{16} << 20;
  char small[100];
  AskForHugePages(small, sizeof small);  // holds no whole page
  AskForHugePages(nullptr, 0);
  const std::unique_ptr<char[]> block(new char[kBytes]);
  AskForHugePages(block.get(), kBytes);
  std::fill_n(block.get(), kBytes, 'x');
  const Resident resident = ResidentAt(block.get() + kBytes / 2);
  // An emulator writes a file of its own making, in which nothing is resident.
  if (resident.huge < 0 || resident.all < static_cast<long>(kBytes >> 11)) BN_SKIP("a true /proc/self/smaps");
  CHECK((resident.huge > 0) == HugePagesOffered());
}

}  // namespace
}  // namespace bitnet::core
