// What the machine leaves to this process: cores, memory, huge pages.
#ifndef BITNET_CORE_BASE_SYSTEM_INFO_H_
#define BITNET_CORE_BASE_SYSTEM_INFO_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace bitnet::core {

// `root` goes before /proc and /sys: for tests.

// Physical cores that the process may use: its affinity mask, at most the CPU quota of its cgroups. At least 1.
uint32_t UsableCores(const std::string& root = "");

// Bytes that the process may still allocate before others are pushed out of memory: what the kernel calls available, at
// most what the limits of its cgroups leave. 0 when unknown.
uint64_t SpareMemory(const std::string& root = "");

// Whether the kernel gives huge pages (transparent ones, of 2 MiB) to who asks for them.
bool HugePagesOffered(const std::string& root = "");

// Asks for them in a block: a hint, with no effect on what lies outside whole pages. For blocks that are written whole,
// where none is cleared in vain, and read again and again.
void AskForHugePages(void* block, size_t n_bytes);

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_SYSTEM_INFO_H_
