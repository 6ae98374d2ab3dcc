#include "core/model/rope_scaling.h"

#include <numbers>

#include "kernels/rope_table.h"

namespace bitnet::core {

std::vector<float> Llama3Divisors(const Llama3Scaling& scaling, double base, uint32_t n_rot) {
  std::vector<double> frequencies(n_rot / 2);
  kernels::RopeInverseFrequencies(base, n_rot, nullptr, 1.0, frequencies.data());
  const auto factor = static_cast<double>(scaling.factor), low = static_cast<double>(scaling.low_freq_factor),
             high = static_cast<double>(scaling.high_freq_factor), c = static_cast<double>(scaling.n_ctx_original);
  std::vector<float> out;
  out.reserve(frequencies.size());
  for (const double frequency : frequencies) {
    const double wave = 2 * std::numbers::pi / frequency;
    double divisor = 1;
    if (wave > c / low) {
      divisor = factor;
    } else if (wave >= c / high) {
      const double smooth = (c / wave - low) / (high - low);
      divisor = 1 / ((1 - smooth) / factor + smooth);
    }
    out.push_back(static_cast<float>(divisor));
  }
  return out;
}

}  // namespace bitnet::core
