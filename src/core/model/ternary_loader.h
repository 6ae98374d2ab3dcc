// One ternary matrix of a file into the form that the kernels read: codes packed (in place or copied where the layout
// is the same already), scales as f32, everything checked.
#ifndef BITNET_CORE_MODEL_TERNARY_LOADER_H_
#define BITNET_CORE_MODEL_TERNARY_LOADER_H_

#include <vector>

#include "core/base/thread_pool.h"
#include "core/format/gguf.h"
#include "core/model/float_arena.h"
#include "core/model/ternary_decode.h"
#include "core/model/weight_arena.h"
#include "core/model/weights.h"

namespace bitnet::core {

// Bytes that a matrix of the layout takes beside the file: 0 where codes are used in place.
uint64_t RepackedBytes(TernaryLayout layout, uint64_t rows, uint64_t cols);

class TernaryLoader {
 public:
  // Repacked and copied codes lie in memory of `weights`, those of dense matrices that turned out to be ternary in
  // blocks that are appended to `buffers`.
  TernaryLoader(ThreadPool& pool, const Allocator& allocator, FloatArena& floats, WeightArena& weights,
                std::vector<Buffer>& buffers)
      : pool_(pool), allocator_(allocator), floats_(floats), weights_(weights), buffers_(buffers) {}

  // Fills `out`, whose rows and cols are set, all but its bias. `factor` is the value of the `.scale` tensor, or null.
  // Codes that could be used in place are copied where `copy` is set.
  Status Load(const GgufTensor& tensor, TernaryLayout layout, bool copy, const float* factor, Matrix& out);
  // The same from dense master weights, made ternary as master.h says.
  Status LoadMaster(const GgufTensor& tensor, Matrix& out);
  // The same from a dense matrix that holds nothing but 0, s and -s, which then is exactly this ternary one. False when
  // it does not; `out` is then as it was.
  Result<bool> LoadExact(const GgufTensor& tensor, Matrix& out);

 private:
  // Copies the codes to `to` meanwhile, unless it is null.
  Status CheckCodes(const GgufTensor& tensor, size_t n_bytes, uint8_t* to);
  Status Repack(const GgufTensor& tensor, const TernarySource& source, Matrix& out);
  // Dense rows to codes packed into `packed`, scale beside them; `code_of` gives 0..2, or 3 for a value that is not
  // ternary: false.
  template <typename CodeOf>
  Result<bool> PackDense(const GgufTensor& tensor, float scale, uint8_t* packed, Matrix& out, CodeOf code_of);
  Result<float> MasterScale(const GgufTensor& tensor, const Matrix& m);
  Status ReserveScratch(size_t bytes_per_thread);
  template <typename T>
  T* Scratch(uint32_t thread) const {
    return reinterpret_cast<T*>(scratch_.as<std::byte>() + thread * scratch_stride_);
  }
  Status LoadScales(const GgufTensor& tensor, const TernarySource& source, const float* factor, Matrix& out);

  ThreadPool& pool_;
  const Allocator& allocator_;
  FloatArena& floats_;
  WeightArena& weights_;
  std::vector<Buffer>& buffers_;
  Buffer scratch_;  // decoded rows of each thread
  size_t scratch_stride_ = 0;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_MODEL_TERNARY_LOADER_H_
