#include "core/model/checkpoint.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "core/base/json_reader.h"
#include "core/format/limits.h"

namespace bitnet::core {

namespace {

namespace fs = std::filesystem;

constexpr char kConfigName[] = "config.json";
constexpr char kRopeDivisors[] = "rope_freqs.weight";
constexpr char kIndexName[] = "model.safetensors.index.json";
constexpr char kSingleName[] = "model.safetensors";

std::string_view AsText(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

Result<MappedFile> Open(const std::string& path, bool copy, const Allocator& allocator) {
  return copy ? MappedFile::Read(path, allocator) : MappedFile::Map(path);
}

// A status about a file beside the weights, under the name that users know it by.
Status Named(const Status& status, std::string_view name) {
  return Status(status.code(), Cat(name, ": ", status.message()), std::string(name), status.offset());
}

// What people have in place of a model.
Status RefuseText(const std::string& path, std::span<const std::byte> bytes) {
  const std::string_view text = AsText(bytes);
  const std::string_view problem =
      text.starts_with("version https://git-lfs")
          ? "is a pointer of Git LFS, not the file itself; fetch that (git lfs pull)"
      : text.starts_with("{") ? "is a JSON file, expected a GGUF or SafeTensors file; name the folder of the model"
                              : "";
  return problem.empty() ? Status() : Status(Code::kBadFormat, Cat("path ", Quoted(path, 256), " ", problem), "path");
}

Status BadIndex(std::string_view problem) {
  return Status(Code::kBadFormat, Cat("index ", Quoted(kIndexName), " ", problem, "; fetch the folder again"), "index");
}

// Which shard holds which tensor.
using WeightMap = std::map<std::string, std::set<std::string>>;  // shard -> tensors

Result<WeightMap> ReadIndex(const fs::path& path) {
  const auto file = MappedFile::Map(path.string());
  if (!file.ok()) return Named(file.status(), "index");
  const auto json = ParseJson(AsText(file->bytes()), {.max_bytes = kMaxIndexBytes, .max_depth = 8});
  if (!json.ok()) return Named(json.status(), "index");
  const JsonValue* weights = json->Find("weight_map");
  if (weights == nullptr || weights->kind != JsonValue::Kind::kObject || weights->object.empty())
    return BadIndex("has no weight_map");
  WeightMap out;
  for (const auto& [tensor, shard] : weights->object) {
    const std::string& name = shard.string;
    // A plain name in the same folder: an index must not reach elsewhere.
    if (shard.kind != JsonValue::Kind::kString || name.empty() || name[0] == '.' ||
        name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
      return BadIndex(Cat("puts tensor ", Quoted(tensor), " into ", Quoted(name),
                          ", expected the name of a file in the same folder"));
    }
    out[name].insert(tensor);
    if (out.size() > kMaxShards)
      return Status(Code::kLimit, Cat("index names more than ", kMaxShards, " files, which is the limit"), "index");
  }
  return out;
}

Status AddShard(const fs::path& path, bool copy, const Allocator& allocator, const std::set<std::string>* wanted,
                Checkpoint& out) {
  auto file = Open(path.string(), copy, allocator);
  if (!file.ok()) return wanted != nullptr ? Named(file.status(), "index") : file.status();
  BN_RETURN_IF_ERROR(RefuseText(path.string(), file->bytes()));
  auto header = Safetensors::Parse(file->bytes());
  const std::string name = path.filename().string();
  if (!header.ok()) {
    const Status& s = header.status();
    return wanted == nullptr ? s : Status(s.code(), Cat(name, ": ", s.message()), std::string(s.what()), s.offset());
  }
  std::set<std::string_view> found;
  for (const SafeTensor& t : header->tensors()) {
    if (wanted != nullptr && !wanted->contains(t.name)) continue;
    out.tensors.push_back(t);
    found.insert(t.name);
  }
  if (wanted != nullptr && found.size() != wanted->size()) {
    const auto absent =
        std::find_if(wanted->begin(), wanted->end(), [&](const std::string& t) { return !found.contains(t); });
    return BadIndex(Cat("puts tensor ", Quoted(*absent), " into ", Quoted(name), ", which does not have it"));
  }
  if (out.tensors.size() > kMaxTensors) {
    return Status(Code::kLimit, Cat("the files have more than ", kMaxTensors, " tensors, which is the limit"), "index");
  }
  out.files.push_back(*std::move(file));
  return {};
}

// What config.json asks for stands among the tensors as in a GGUF, so that all that comes after treats both alike.
Status AddRopeDivisors(Checkpoint& out) {
  for (const SafeTensor& t : out.tensors) {
    if (t.name == kRopeDivisors) {
      return Status(Code::kBadFormat,
                    Cat("tensor ", Quoted(t.name), " stands beside a llama3 scaling of RoPE in ", kConfigName,
                        ", expected one of them"),
                    std::string(t.name));
    }
  }
  SafeTensor divisors;
  divisors.name = kRopeDivisors;
  divisors.dtype = "F32";
  divisors.shape = {out.hf.rope_divisors->size()};
  divisors.data = std::as_bytes(std::span(*out.hf.rope_divisors));
  out.tensors.push_back(std::move(divisors));
  return {};
}

// `single` is the file that was asked for, or the usual name.
Result<Checkpoint> OpenFolder(const fs::path& folder, const std::string& single, bool copy,
                              const Allocator& allocator) {
  Checkpoint out;
  out.container = Checkpoint::Container::kSafetensors;
  out.folder = folder.empty() ? "." : folder.string();  // of a file named without one
  WeightMap shards;
  if (MayExist((folder / kIndexName).string())) {
    BN_ASSIGN_OR_RETURN(shards, ReadIndex(folder / kIndexName));
  }
  if (shards.empty() || (single != kSingleName && !shards.contains(single))) {
    BN_RETURN_IF_ERROR(AddShard(folder / single, copy, allocator, nullptr, out));
  } else {
    for (const auto& [name, tensors] : shards)
      BN_RETURN_IF_ERROR(AddShard(folder / name, copy, allocator, &tensors, out));
  }
  const auto config = MappedFile::Map((folder / kConfigName).string());
  if (!config.ok()) return Named(config.status(), kConfigName);
  BN_ASSIGN_OR_RETURN(out.hf, ParseHfConfig(AsText(config->bytes())));
  if (out.hf.rope_divisors != nullptr) BN_RETURN_IF_ERROR(AddRopeDivisors(out));
  std::sort(out.tensors.begin(), out.tensors.end(),
            [](const SafeTensor& a, const SafeTensor& b) { return a.name < b.name; });
  const std::string_view weights = !out.hf.packed            ? "master weights, made ternary at load"
                                   : out.hf.reciprocal_scale ? "packed ternary weights whose scale divides"
                                                             : "packed ternary weights whose scale multiplies";
  out.detected =
      Cat(out.files.size() == 1 ? Cat("the file begins with the length and the brace of a SafeTensors header")
                                : Cat(kIndexName, " names ", out.files.size(), " SafeTensors files"),
          "; ", kConfigName, " says ", out.hf.hparams.architecture_key, " with ", weights,
          out.hf.rope_divisors != nullptr ? Cat("; its llama3 scaling of RoPE is the tensor ", kRopeDivisors) : "");
  return out;
}

// Eight bytes of length, then the brace that begins the header: no other model file begins so.
bool LooksLikeSafetensors(std::span<const std::byte> bytes) {
  return bytes.size() > 8 && bytes[8] == std::byte{'{'} && bytes[7] == std::byte{0};
}

}  // namespace

std::string DetectedGguf(const Gguf& gguf) {
  return Cat("the file begins with the magic GGUF and version ", gguf.version());
}

Result<Checkpoint> OpenCheckpoint(const std::string& path, bool copy, const Allocator& allocator) {
  std::error_code ignored;
  if (path.find('\0') == std::string::npos && fs::is_directory(path, ignored)) {
    if (!MayExist((fs::path(path) / kIndexName).string()) && !MayExist((fs::path(path) / kSingleName).string())) {
      return Status(Code::kNotFound,
                    Cat("path ", Quoted(path, 256), " is a directory without ", kSingleName, " or ", kIndexName,
                        ", expected a model file or the folder of a model"),
                    "path");
    }
    return OpenFolder(path, kSingleName, copy, allocator);
  }
  BN_ASSIGN_OR_RETURN(MappedFile file, MappedFile::Map(path));
  if (LooksLikeSafetensors(file.bytes())) {
    const fs::path full(path);
    return OpenFolder(full.parent_path(), full.filename().string(), copy, allocator);
  }
  BN_RETURN_IF_ERROR(RefuseText(path, file.bytes()));
  if (copy) {
    BN_ASSIGN_OR_RETURN(file, MappedFile::Read(path, allocator));
  }
  Checkpoint out;
  BN_ASSIGN_OR_RETURN(out.gguf, Gguf::Parse(file.bytes()));
  out.detected = DetectedGguf(out.gguf);
  out.files.push_back(std::move(file));
  return out;
}

}  // namespace bitnet::core
