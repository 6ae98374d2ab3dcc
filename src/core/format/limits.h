// Every limit on what a file may announce, in one place, each with its reason. A count in a model file is also checked
// against the bytes that are left in the file before anything is allocated for it.
#ifndef BITNET_CORE_FORMAT_LIMITS_H_
#define BITNET_CORE_FORMAT_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace bitnet::core {

// A 2B model has 332 tensors and 30 keys. Both lists are held in memory at about 130 bytes an entry: 17 MB at most.
inline constexpr uint64_t kMaxTensors = uint64_t{1} << 16;
inline constexpr uint64_t kMaxKeys = uint64_t{1} << 16;
// The longest key that the GGUF specification allows.
inline constexpr uint64_t kMaxKeyBytes = 65535;
// The longest tensor name that the GGUF specification allows.
inline constexpr uint64_t kMaxTensorNameBytes = 64;
// The longest strings of real files are whole tokenizer.json texts of tens of megabytes.
inline constexpr uint64_t kMaxStringBytes = uint64_t{256} << 20;
// Strings and arrays inside the arrays of one file: each is visited when the header is read. Vocabularies hold up to
// 2^18 tokens and 2^19 merges today.
inline constexpr uint64_t kMaxNestedElements = uint64_t{1} << 25;
// The largest published vocabularies have 2^18 tokens, the longest merge lists 2^19 entries; a tokenizer's tables take
// about 60 bytes a token and 50 a merge.
inline constexpr uint64_t kMaxTokens = uint64_t{1} << 20;
inline constexpr uint64_t kMaxMerges = uint64_t{1} << 20;
// Steps of a tokenizer.json. Published ones have up to six patterns and four normalizers, of which one makes a space
// three bytes; each step takes a pass over the text, and replacements multiply what they make of it.
inline constexpr size_t kMaxSplitSteps = 16;
inline constexpr size_t kMaxNormalizers = 16;
inline constexpr uint64_t kMaxReplaceGrowth = 64;
// Levels of arrays in arrays; the walk over them is recursive.
inline constexpr uint32_t kMaxArrayDepth = 8;
// The GGUF specification asks for a multiple of 8; pages of 1 MiB are beyond every reason to align.
inline constexpr uint64_t kMinAlignment = 8;
inline constexpr uint64_t kMaxAlignment = uint64_t{1} << 20;
inline constexpr uint32_t kMaxDims = 4;
// Elements and bytes of a tensor fit int64 in every program that reads such files.
inline constexpr uint64_t kMaxTensorElements = (uint64_t{1} << 63) - 1;

// The longest header that the reference reader of SafeTensors takes.
inline constexpr uint64_t kMaxSafeHeaderBytes = 100'000'000;
// Dimensions of a tensor there; models have at most 4.
inline constexpr size_t kMaxSafeDims = 8;
// Files of one model; the largest published ones have about 200. An index of 2^16 tensors takes some megabytes.
inline constexpr size_t kMaxShards = 1024;
inline constexpr size_t kMaxIndexBytes = size_t{16} << 20;

// Shapes of a model. The largest published decoders have fewer than 200 blocks, 2^15 columns, 2^17 feed-forward
// columns and 2^18 tokens; products of any two of these bounds fit 64 bits with room, and int32 sums of a ternary
// row stay exact up to 2^22 columns (kernels/kernel_table.h).
inline constexpr uint64_t kMaxLayers = 4095;
inline constexpr uint64_t kMaxEmbedding = (uint64_t{1} << 20) - 1;
inline constexpr uint64_t kMaxFeedForward = (uint64_t{1} << 20) - 1;
inline constexpr uint64_t kMaxHeads = 4095;
inline constexpr uint64_t kMaxHeadDim = 1024;  // scratch of the attention kernels
inline constexpr uint64_t kMaxVocab = (uint64_t{1} << 24) - 1;
inline constexpr uint64_t kMaxContext = (uint64_t{1} << 31) - 1;  // positions fit int32

// Correction policies and rulesets. A policy of twenty corrections with comments has 8 KiB and nests 8 levels deep;
// aliases count what they stand for, so that a few lines cannot become millions of values.
inline constexpr size_t kMaxYamlBytes = size_t{1} << 20;
inline constexpr size_t kMaxYamlDepth = 16;
inline constexpr size_t kMaxYamlNodes = 65536;
inline constexpr size_t kMaxYamlAliases = 64;

// Receipts, and the documents of runs that are compared with them. A token of the prompt takes about 13 bytes there, as
// id and text, a drawn one 25, with its digest: this is half a million draws, and published ternary models hold up to
// 32768 tokens. A tree of values takes up to 60 times the bytes of its text: 1 GB at most.
inline constexpr size_t kMaxReceiptBytes = size_t{16} << 20;

}  // namespace bitnet::core

#endif  // BITNET_CORE_FORMAT_LIMITS_H_
