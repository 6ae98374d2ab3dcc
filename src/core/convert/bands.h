// A matrix in bands of rows: while one band is made by all threads, the one before it is used by one of them.
#ifndef BITNET_CORE_CONVERT_BANDS_H_
#define BITNET_CORE_CONVERT_BANDS_H_

#include <algorithm>
#include <cstddef>

#include "core/base/status.h"
#include "core/base/thread_pool.h"

namespace bitnet::core {

// Bytes of a band as its rows are worked on: memory stays small whatever the matrix, and each write is long.
inline constexpr size_t kBandBytes = size_t{4} << 20;

struct Bands {
  size_t rows;       // of the matrix
  size_t band_rows;  // of every band but the last
  size_t tile_rows;  // of one thread at a time

  // Bands are whole numbers of `unit` rows; tiles of `group`, which divides `unit`.
  Bands(size_t n_rows, size_t row_bytes, size_t unit, size_t group)
      : rows(n_rows),
        band_rows(std::max<size_t>(1, kBandBytes / (row_bytes * unit)) * unit),
        tile_rows(std::max<size_t>(1, (size_t{64} << 10) / (row_bytes * group)) * group) {}

  size_t count() const { return (rows + band_rows - 1) / band_rows; }
  size_t first(size_t band) const { return band * band_rows; }
  size_t end(size_t band) const { return std::min(rows, first(band) + band_rows); }
};

// For each band: make(band, first row, end row, thread) for its tiles, in parallel; then done(band) on the calling
// thread; then use(band), while the next band is made. Bands need two buffers: band k uses buffer k % 2.
template <typename Make, typename Done, typename Use>
Status ForEachBand(ThreadPool& pool, const Bands& bands, Make&& make, Done&& done, Use&& use) {
  const size_t n = bands.count();
  for (size_t k = 0; k <= n; ++k) {
    const size_t first = k < n ? bands.first(k) : 0;
    const size_t n_rows = k < n ? bands.end(k) - first : 0;
    const size_t n_tiles = (n_rows + bands.tile_rows - 1) / bands.tile_rows;
    Status used;
    pool.ParallelFor(n_tiles + 1, 1, [&](size_t begin, size_t end, uint32_t thread) {
      for (size_t i = begin; i < end; ++i) {
        if (i > 0) {
          const size_t row = first + (i - 1) * bands.tile_rows;
          make(k, row, std::min(row + bands.tile_rows, first + n_rows), thread);
        } else if (k > 0) {
          used = use(k - 1);
        }
      }
    });
    if (!used.ok()) return used;
    if (k < n) BN_RETURN_IF_ERROR(done(k));
  }
  return {};
}

}  // namespace bitnet::core

#endif  // BITNET_CORE_CONVERT_BANDS_H_
