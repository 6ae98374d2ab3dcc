#include "core/base/system_info.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "support/catch.h"

namespace bitnet::core {
namespace {

TEST_CASE("at least one core can be used", "[base][system_info]") {
  CHECK(UsableCores() >= 1);
  CHECK(UsableCores() <= std::max(1u, std::thread::hardware_concurrency()));
}

TEST_CASE("memory to spare is some of the machine's", "[base][system_info]") {
  const auto pages = static_cast<uint64_t>(::sysconf(_SC_PHYS_PAGES));
  CHECK(SpareMemory() > 0);
  CHECK(SpareMemory() <= pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE)));
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
