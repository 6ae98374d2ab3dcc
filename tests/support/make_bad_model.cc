// make_bad_model GOOD KIND OUT: writes a model with known damage, for scripts. Kinds: quantised_norms, scaled_layer,
// scaled_class, nan_norm, other_attention.
#include <cmath>
#include <cstdio>
#include <exception>
#include <string_view>

#include "support/bad_models.h"

int main(int argc, char** argv) try {
  using namespace bitnet;
  if (argc != 4) return 2;
  test::BadModel model(argv[1]);
  const std::string_view kind = argv[2];
  if (kind == "quantised_norms") {
    model.QuantiseNorms(test::AnyNorm, core::QuantType::kQ8_0);
  } else if (kind == "scaled_layer") {
    model.ScaleNorms(test::Named("blk.3.attn_sub_norm.weight"), 64);
  } else if (kind == "scaled_class") {
    model.ScaleNorms(test::OfClass("attn_norm"), 64);
  } else if (kind == "nan_norm") {
    model.SetNormValue("blk.1.ffn_norm.weight", 7, NAN);
  } else if (kind == "other_attention") {
    model.TrainAttentionWith(2);
  } else {
    return 2;
  }
  model.WriteTo(argv[3]);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "make_bad_model: %s\n", error.what());
  return 1;
}
