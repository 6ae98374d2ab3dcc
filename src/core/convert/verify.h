// A converted file, read again.
#ifndef BITNET_CORE_CONVERT_VERIFY_H_
#define BITNET_CORE_CONVERT_VERIFY_H_

#include <functional>
#include <span>
#include <string>

#include "core/convert/code_reader.h"
#include "core/convert/convert.h"
#include "core/model/hparams.h"

namespace bitnet::core {

// head_dim where the converter to adjacent pairs interleaves the rows of this linear, else 0.
size_t InterleavedHeadDim(const PlannedTensor& planned, const HParams& hparams);

// Rows of which bands are whole numbers, so that heads and groups of rows stay whole.
size_t BandUnit(size_t interleaved_head_dim);

// Compares all codes of a file that was opened again with those of `sources`, the linears in graph order. Fills the
// digests and n_codes of `report`. `tick(bytes)` after each band of the file; its error ends the comparison. kInternal
// where anything differs.
Status VerifyCodes(const Checkpoint& file, const TensorTable& table, const HParams& hparams,
                   std::span<const CodeReader> sources, ThreadPool& pool, const std::function<Status(uint64_t)>& tick,
                   ConvertReport& report);

// The same of a GGUF, which is opened with the ordinary reader, its hyperparameters and tokenizer too.
Status VerifyGguf(const std::string& path, std::span<const CodeReader> sources, ThreadPool& pool,
                  const std::function<Status(uint64_t)>& tick, ConvertReport& report);

}  // namespace bitnet::core

#endif  // BITNET_CORE_CONVERT_VERIFY_H_
