#include "receipts.h"

#include <sys/stat.h>

#include <bitnet/receipt.hpp>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <vector>

#include "api_error.h"
#include "corrections.h"
#include "failure.h"
#include "file.h"
#include "model_source.h"
#include "text.h"

namespace bitnet::tool {
namespace {

namespace fs = std::filesystem;

// All that the tool reads.
constexpr const char* kVariables[] = {"BITNET_GGUF",          "BITNET_FORCE_TARGET",     "BITNET_DEVICE",
                                      "BITNET_CPU_THREADS",   "BITNET_GPU_MEMORY_LIMIT", "BITNET_SEED",
                                      "BITNET_DETERMINISTIC", "BITNET_TOKENIZER",        "BITNET_STRICT_NO_FAKE_GPU",
                                      kPolicyVariable,        kPermissionVariable,       "CI"};

std::vector<std::string> VariablesThatAreSet() {
  std::vector<std::string> set;
  for (const char* name : kVariables) {
    if (const char* value = std::getenv(name)) set.push_back(std::string(name) + "=" + WellFormed(value));
  }
  return set;
}

// What must be equal for a file to be the same: device, inode, size, times of content and of anything; "" for no file.
std::string StampOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return "";
  return Format("%llx-%llx-%llx-%llx.%09lx-%llx.%09lx", static_cast<unsigned long long>(info.st_dev),
                static_cast<unsigned long long>(info.st_ino), static_cast<unsigned long long>(info.st_size),
                static_cast<unsigned long long>(info.st_mtim.tv_sec), static_cast<unsigned long>(info.st_mtim.tv_nsec),
                static_cast<unsigned long long>(info.st_ctim.tv_sec), static_cast<unsigned long>(info.st_ctim.tv_nsec));
}

// A file written within this time may change again without a new time stamp.
bool IsFresh(const std::string& path) {
  constexpr std::time_t kSeconds = 2;
  struct stat info;
  return stat(path.c_str(), &info) != 0 || std::time(nullptr) - info.st_ctim.tv_sec < kSeconds;
}

fs::path HashFolder() {
  const fs::path cache = CacheFolder();
  return cache.empty() ? fs::path() : cache / "sha256";
}

}  // namespace

void AddReceiptFlags(CLI::App& app, ReceiptFlags& o) {
  const std::string group = "Receipt";
  AddText(app, "--receipt", o.file, "FILE",
          "write a receipt that anybody with the model can check, whole or not at all")
      ->group(group);
  AddFlag(app, "--no-text", o.no_text, "leave text and token ids out of the receipt; their digests stay")->group(group);
  AddFlag(app, "--no-hash-cache", o.no_hash_cache, "compute the model's SHA-256 even where it is remembered")
      ->group(group);
}

std::string MakeReceipt(const Session& session, const ReceiptFlags& flags, const ModelFlags& model) {
  const std::vector<std::string> variables = VariablesThatAreSet();
  std::vector<const char*> views;
  for (const std::string& variable : variables) views.push_back(variable.c_str());
  ReceiptOptions options;
  options.no_text = flags.no_text;
  options.ci = InContinuousIntegration();
  options.variables = views.data();
  options.n_variables = static_cast<uint32_t>(views.size());
  if (!model.target.empty()) options.requested_target = model.target.c_str();
  return Get(receipt(session, options));
}

void CheckReceiptFlags(const ReceiptFlags& flags, uint32_t max_new_tokens) {
  if (!flags.file.empty() && max_new_tokens == 0) {
    throw Failure(ExitCode::kUsage, "--receipt: a receipt is of drawn tokens: give -n of at least 1");
  }
}

KnownDigest FindDigest(const ReceiptFlags& flags, const ModelFlags& model) {
  KnownDigest known;
  if (flags.file.empty()) return known;
  known.compute = true;
  if (flags.no_hash_cache || HashFolder().empty()) return known;
  known.stamp = StampOf(FindModel(model).path);
  if (known.stamp.empty()) return known;
  try {
    const std::string text = ReadFile((HashFolder() / known.stamp).string(), 1024);
    if (text.size() == 65 && text.find_first_not_of("0123456789abcdef\n") == std::string::npos) {
      known.sha256 = text.substr(0, 64);
      known.compute = false;
    }
  } catch (const Failure&) {  // not remembered
  }
  return known;
}

void RememberDigest(const KnownDigest& known, const LoadedModel& loaded) {
  const std::string& path = loaded.source.path;
  if (known.stamp.empty() || !known.sha256.empty() || StampOf(path) != known.stamp || IsFresh(path)) return;
  try {
    const std::string sha256 = Get(loaded.model.file().sha256());  // computed already
    fs::create_directories(HashFolder());
    AtomicFile file((HashFolder() / known.stamp).string());
    file.Write(sha256 + "\n");
    file.Commit();
  } catch (const std::exception&) {  // a read-only home: the next run computes it again
  }
}

}  // namespace bitnet::tool
