// bitnet diff: two models in any forms, tensor by tensor.
#include <bitnet/diff.hpp>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "api_error.h"
#include "command.h"
#include "failure.h"
#include "interrupt.h"
#include "options.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

struct DiffFlags {
  ModelFlags unused;
  SessionFlags session;
  std::string a, b;
  bool arm_a = false, arm_b = false;
  bool all = false;
  bool json = false;
};

// "I2_S [256, 256]" on each side, once where they agree.
std::string Forms(const bitnet_tensor_diff_t& t) {
  const std::string a = std::string(t.type_a) + " " + t.shape_a, b = std::string(t.type_b) + " " + t.shape_b;
  if (t.outcome == BITNET_DIFF_ONLY_A || a == b) return a;
  return t.outcome == BITNET_DIFF_ONLY_B ? b : a + " | " + b;
}

// [rows, columns] of "[2, 256, 768]".
std::pair<uint64_t, uint64_t> Sides(const char* shape) {
  uint64_t rows = 1, columns = 1;
  for (const char* at = shape; *at != '\0';) {
    if (*at < '0' || *at > '9') {
      ++at;
      continue;
    }
    char* end = nullptr;
    rows *= columns;
    columns = std::strtoull(at, &end, 10);
    at = end;
  }
  return {rows, columns};
}

// A type that is not decoded is compared as bytes.
bool IsOfBytes(const bitnet_tensor_diff_t& t) {
  const auto [rows, columns] = Sides(t.shape_a);
  return t.outcome != BITNET_DIFF_SCALE && t.n_compared != rows * columns;
}

// Where the first difference is: a weight, of scales too.
std::string Place(const bitnet_tensor_diff_t& t) {
  if (IsOfBytes(t)) return "byte " + Grouped(t.first_different);
  const auto [rows, columns] = Sides(t.shape_a);
  const std::string weight = "weight " + Grouped(t.first_different);
  if (rows < 2 || columns == 0) return weight;
  return weight + " (row " + Grouped(t.first_different / columns) + ", column " + Grouped(t.first_different % columns) +
         ")";
}

std::string Finding(const bitnet_tensor_diff_t& t) {
  const auto counts = [&](const char* what) {
    return Grouped(t.n_different) + " of " + Counted(t.n_compared, what) + ", the first at " + Place(t) +
           (t.max_difference > 0 ? Format(", by at most %.3g", t.max_difference) : std::string());
  };
  switch (t.outcome) {
    case BITNET_DIFF_EQUAL: return "equal";
    case BITNET_DIFF_SCALE: return "same codes, other scale: " + counts("scale");
    case BITNET_DIFF_VALUES:
      return "differs: " + counts(IsOfBytes(t) ? "byte" : "weight") +
             (t.n_scales_different == 0
                  ? std::string()
                  : "; and " + Grouped(t.n_scales_different) + " of " + Counted(t.n_scales, "scale"));
    case BITNET_DIFF_SHAPE: return "differs in shape";
    case BITNET_DIFF_ONLY_A: return "missing in B";
    case BITNET_DIFF_ONLY_B: return "missing in A";
    default: return "not compared: a type that is not decoded";
  }
}

std::string Value(const char* text) { return text == nullptr ? "absent" : Printable(text); }

std::string Report(const Diff& diff, const DiffFlags& flags) {
  const bitnet_diff_info_t info = diff.info();
  std::vector<std::vector<std::string>> rows;
  for (const bitnet_tensor_diff_t& t : diff.tensors()) {
    if (flags.all || t.outcome != BITNET_DIFF_EQUAL) rows.push_back({Printable(t.name), Forms(t), Finding(t)});
  }
  std::string out = "A " + Quoted(flags.a, 4096) + "\nB " + Quoted(flags.b, 4096) + "\n";
  if (!rows.empty()) out += "\n" + Columns(rows, "");
  const auto list = [&](const std::vector<bitnet_metadata_diff_t>& metadata, const char* remark) {
    if (!metadata.empty()) out += "\n";
    for (const bitnet_metadata_diff_t& m : metadata) {
      out += Printable(m.key) + remark + "\n  A " + Value(m.a) + "\n  B " + Value(m.b) + "\n";
    }
  };
  list(diff.metadata(), "");
  list(diff.notes(), " (a note: it names the types of the tensors)");
  out += "\n" + Counted(info.n_tensors, "tensor") + ": " + Grouped(info.n_equal) + " equal";
  const auto add = [&](uint64_t n, const char* what) {
    if (n != 0) out += ", " + Grouped(n) + " " + what;
  };
  add(info.n_scale, "with another scale");
  add(info.n_values, "different");
  add(info.n_shape, "of another shape");
  add(info.n_only_a, "missing in B");
  add(info.n_only_b, "missing in A");
  add(info.n_not_compared, "not compared");
  return out + "; metadata: " + Grouped(info.n_metadata_different) + " of " + Grouped(info.n_metadata) + " differ\n";
}

int32_t OnProgress(uint64_t done, uint64_t total, void* bar) {
  static_cast<ProgressBar*>(bar)->Update(done, total);
  return Interrupted() ? 1 : 0;
}

Diff Compare(const DiffFlags& flags) {
  ProgressBar bar("comparing");
  DiffOptions options;
  options.i2s_arm_layout_a = flags.arm_a;
  options.i2s_arm_layout_b = flags.arm_b;
  options.progress = OnProgress;
  options.progress_user_data = &bar;
  return Get(Diff::of(flags.a, flags.b, options), Doing::kLoadingModel, "cannot compare");
}

ExitCode RunDiff(const DiffFlags& flags) {
  if (flags.a.empty() || flags.b.empty()) throw Failure(ExitCode::kUsage, "two models are compared: give both");
  const Diff diff = Compare(flags);
  Print(flags.json ? Get(diff.json()) : Report(diff, flags));
  return diff.info().equal != 0 ? ExitCode::kSuccess : ExitCode::kComparisonDiffers;
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  auto flags = std::make_shared<DiffFlags>();
  AddText(app, "A", flags->a, "", "a GGUF file, a SafeTensors file, or the folder of a model");
  AddText(app, "B", flags->b, "", "another one");
  AddFlag(app, "--all", flags->all, "list the equal tensors too")->group("Output");
  AddFlag(app, "--i2s-arm-layout-a", flags->arm_a, "read the I2_S tensors of A in the layout of old Arm files")
      ->group("Model");
  AddFlag(app, "--i2s-arm-layout-b", flags->arm_b, "read those of B so")->group("Model");
  AddOutputFlags(app, &flags->json);
  AddUnusedFlags(app, flags->unused, flags->session);
  return [flags] { return RunDiff(*flags); };
}

}  // namespace

const Command kDiffCommand = {"diff", "compare two models tensor by tensor",
                              "bitnet diff model.gguf converted.gguf\n"
                              "bitnet diff --json model-folder model.gguf  # any two forms",
                              SetUp};

}  // namespace bitnet::tool
