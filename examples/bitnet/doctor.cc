// bitnet doctor: what this machine can run, and whether it computes the right bits.
#include <bitnet/version.h>
#include <bitnet/engine.hpp>

#include <memory>
#include <string>
#include <vector>

#include "api_error.h"
#include "command.h"
#include "interrupt.h"
#include "json.h"
#include "options.h"
#include "terminal.h"
#include "text.h"

namespace bitnet::tool {
namespace {

struct TargetReport {
  std::string name;
  bool available = false;
  uint32_t n_checks = 0;
  uint32_t n_different = 0;
  std::string first_different;
};

std::vector<TargetReport> TestTargets() {
  const EndOnInterrupt while_it_computes;
  std::vector<TargetReport> reports;
  for (const bitnet_target_t& target : targets()) {
    TargetReport report{target.name, target.available != 0, 0, 0, ""};
    if (report.available) {
      const bitnet_self_test_t test = Get(self_test(target.name));
      report.n_checks = test.n_checks;
      report.n_different = test.n_different;
      if (test.first_different != nullptr) report.first_different = test.first_different;
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

// A self-test that compared nothing has shown nothing.
bool Healthy(const TargetReport& report) {
  return !report.available || (report.n_checks > 0 && report.n_different == 0);
}

Json Document(const std::vector<TargetReport>& reports, bool healthy) {
  Json json;
  json.BeginObject()
      .Field("version", bitnet_version())
      .Field("numerics", bitnet_numerics_version())
      .Field("build", bitnet_build_info())
      .Key("devices")
      .BeginArray();
  for (const bitnet_device_t& device : devices()) {
    json.BeginObject()
        .Field("name", device.name)
        .Field("available", device.available != 0)
        .Field("description", device.description)
        .Field("memory_bytes", device.memory_bytes)
        .EndObject();
  }
  json.EndArray().Key("targets").BeginArray();
  for (const TargetReport& report : reports) {
    json.BeginObject().Field("name", report.name).Field("available", report.available);
    if (report.available) {
      json.Field("checks", report.n_checks).Field("different", report.n_different);
      json.Key("first_different");
      report.first_different.empty() ? json.Null() : json.Value(report.first_different);
    }
    json.EndObject();
  }
  json.EndArray().Field("healthy", healthy).EndObject();
  return json;
}

std::string Report(const std::vector<TargetReport>& reports, bool healthy) {
  std::string out = std::string("bitnet ") + bitnet_version() + ", " + bitnet_numerics_version() +
                    "\nbuild: " + bitnet_build_info() + "\n\ndevices\n";
  std::vector<std::vector<std::string>> rows;
  for (const bitnet_device_t& device : devices()) {
    rows.push_back({"  " + std::string(device.name), device.available ? "available" : "not here",
                    device.memory_bytes == 0 ? "" : Bytes(device.memory_bytes), Printable(device.description)});
  }
  out += Columns(rows, "llrl") + "\ntargets, the best first\n";
  rows.clear();
  for (const TargetReport& report : reports) {
    std::string result = "this CPU does not run it";
    if (report.available) {
      result = report.n_different == 0
                   ? Format("%u checks, every bit equal to the reference", report.n_checks)
                   : Format("%u of %u checks DIFFER from the reference, first ", report.n_different, report.n_checks) +
                         report.first_different;
    }
    rows.push_back({"  " + report.name, report.available ? "available" : "not here", result});
  }
  return out + Columns(rows, "") +
         (healthy ? "\nall is well\n" : "\nNOT WELL: results on this machine cannot be trusted; please report this\n");
}

ExitCode Doctor(bool as_json) {
  const std::vector<TargetReport> reports = TestTargets();
  bool healthy = !reports.empty();
  for (const TargetReport& report : reports) healthy = healthy && Healthy(report);
  Print(as_json ? Document(reports, healthy).Line() : Report(reports, healthy));
  return healthy ? ExitCode::kSuccess : ExitCode::kComparisonDiffers;
}

std::function<ExitCode()> SetUp(CLI::App& app) {
  struct Flags {
    ModelFlags model;
    SessionFlags session;
    bool json = false;
  };
  auto flags = std::make_shared<Flags>();
  AddOutputFlags(app, &flags->json);
  AddUnusedFlags(app, flags->model, flags->session);
  return [flags] { return Doctor(flags->json); };
}

}  // namespace

const Command kDoctorCommand = {"doctor", "tell what this machine can run, and test its bits",
                                "bitnet doctor\n"
                                "bitnet doctor --json",
                                SetUp};

}  // namespace bitnet::tool
