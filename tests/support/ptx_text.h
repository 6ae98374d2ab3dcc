// The text of compiled kernels, as nvcc -ptx writes it (PTX ISA 9.0), as instructions that ptx_machine.h runs.
#ifndef BITNET_TESTS_SUPPORT_PTX_TEXT_H_
#define BITNET_TESTS_SUPPORT_PTX_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace bitnet_test {

// clang-format off
// By what they do; U, S: integers without and with a sign, F: f32.
enum Op : uint32_t {
  kMov, kPack, kUnpack, kNop, kReturn, kBranch, kBarrier, kWarpBarrier, kAdd, kSub, kMul, kMulWideU,
  kMulWideS, kMad, kDivU, kMinU, kMaxU, kMinS, kMaxS, kNeg, kAnd, kOr, kXor, kNot, kShl, kShrU, kShrS, kBfi,
  kPrmt, kDp4a, kSelect, kEq, kNe, kLtU, kLeU, kGtU, kGeU, kLtS, kLeS, kGtS, kGeS, kEqF, kNeF, kLtF, kLeF,
  kGtF, kGeF, kEqUnordered, kNeUnordered, kLtUnordered, kLeUnordered, kGtUnordered, kGeUnordered, kNumF,
  kNanF, kAddF, kSubF, kMulF, kDivF, kFmaF, kSqrtF, kMinF, kMaxF, kNegF, kAbsF, kZeroExtend, kSignExtend8,
  kSignExtend16, kSignExtend32, kFromHalf, kFloatFromS32, kFloatFromU32, kFloatFromS16, kRoundF, kTruncateF,
  kLoadGlobal, kLoadGlobalS8, kLoadShared, kLoadParam, kStoreGlobal, kStoreShared, kAtomGlobalMin,
  kAtomGlobalAdd, kAtomSharedAdd, kAtomSharedMax, kCopyAsync, kCommit, kWaitGroup, kShuffleDown, kReduceMax,
  kMma32, kMma16,
};
// clang-format on

// Where an operand is: a register of the thread, which constants and special registers are too.
using PtxSlot = uint32_t;

struct PtxInstruction {
  uint32_t op = 0;  // of Op
  uint32_t bits = 0;
  uint32_t count = 1;  // of the elements of a vector
  bool guarded = false, guard_not = false;
  PtxSlot guard = 0;
  PtxSlot to[4] = {}, from[4] = {};  // results; a vector's elements, or the first operand's
  PtxSlot a = 0, b = 0, c = 0, d = 0;
  uint64_t offset = 0;  // of an address
  uint32_t target = 0;  // instruction that a branch goes to
  uint32_t line = 0;    // of the text
};

struct PtxKernel {
  std::string name;
  std::vector<PtxInstruction> code;
  std::vector<uint64_t> initial;  // registers of a thread as it starts: constants have their values
  size_t shared_bytes = 0;
};

// The first registers of every thread.
enum Special : PtxSlot { kTidX, kCtaidX, kCtaidY, kCtaidZ, kNtidX, kNctaidX };

// Ends the program with a line that says where.
[[noreturn]] void EndAt(const std::string& kernel, uint32_t line, const std::string& what);

// The kernels of a file by their mangled names; ends the program where it does not understand the text.
std::map<std::string, PtxKernel> ReadPtx(const std::string& path);

}  // namespace bitnet_test

#endif  // BITNET_TESTS_SUPPORT_PTX_TEXT_H_
