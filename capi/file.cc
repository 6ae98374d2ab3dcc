#include <bitnet/file.h>

#include <cstddef>
#include <string>
#include <utility>

#include "capi/digest.h"
#include "capi/guard.h"
#include "capi/handles.h"
#include "capi/structs.h"
#include "capi/two_call.h"
#include "core/format/gguf_text.h"

using namespace bitnet::capi;  // NOLINT: the C functions are these helpers' only users
namespace core = bitnet::core;

bitnet_file_t::bitnet_file_t(const core::Gguf& header, std::span<const std::byte> file) : bytes(file), gguf(&header) {
  keys.reserve(header.values().size());
  for (const core::GgufValue& v : header.values()) keys.emplace_back(v.key);
  tensor_names.reserve(header.tensors().size());
  for (const core::GgufTensor& t : header.tensors()) tensor_names.emplace_back(t.name);
}

namespace {

bitnet_status_t Open(core::MappedFile mapped, std::span<const std::byte> bytes, bitnet_file_t** out) {
  auto gguf = core::Gguf::Parse(bytes);
  if (!gguf.ok()) return Fail(gguf.status());
  auto file = std::make_unique<bitnet_file_t>(*gguf, bytes);
  file->mapped = std::move(mapped);
  file->owned = *std::move(gguf);
  file->gguf = &file->owned;
  *out = file.release();
  return BITNET_OK;
}

// A tensor of a model in SafeTensors.
bitnet_status_t PutEntry(const core::TensorEntry& t, bitnet_tensor_t* out_tensor) {
  bitnet_tensor_t tensor = BITNET_TENSOR_INIT;
  tensor.n_dims = static_cast<uint32_t>(t.shape.size());
  tensor.name = t.name.c_str();
  tensor.type = t.type.c_str();
  for (uint32_t i = 0; i < 4; ++i) tensor.shape[i] = i < t.shape.size() ? t.shape[i] : 1;
  tensor.n_bytes = t.n_bytes;
  tensor.offset = t.offset;
  CopyOut(tensor, out_tensor);
  return BITNET_OK;
}

}  // namespace

extern "C" {

bitnet_status_t bitnet_file_open(const char* path, bitnet_file_t** out_file) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (out_file == nullptr) return InvalidArgument("out_file is NULL");
    *out_file = nullptr;
    if (path == nullptr) return InvalidArgument("path is NULL");
    auto mapped = core::MappedFile::Map(path);
    if (!mapped.ok()) return Fail(mapped.status());
    const std::span<const std::byte> bytes = mapped->bytes();  // stays where it is when the owner moves
    return Open(*std::move(mapped), bytes, out_file);
  });
}

bitnet_status_t bitnet_file_open_memory(const void* data, size_t n_bytes, bitnet_file_t** out_file) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (out_file == nullptr) return InvalidArgument("out_file is NULL");
    *out_file = nullptr;
    if (data == nullptr) return InvalidArgument("data is NULL");
    return Open({}, {static_cast<const std::byte*>(data), n_bytes}, out_file);
  });
}

void bitnet_file_free(bitnet_file_t* file) noexcept { delete file; }

bitnet_status_t bitnet_file_info(const bitnet_file_t* file, bitnet_file_info_t* out_info) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (file == nullptr) return InvalidArgument("file is NULL");
    BN_TRY(CheckOut(out_info));
    bitnet_file_info_t info = BITNET_FILE_INFO_INIT;
    info.gguf_version = file->gguf->version();
    info.n_metadata = file->keys.size();
    info.n_tensors = file->tensor_names.size();
    info.size_bytes = file->model != nullptr ? file->model->size_bytes() : file->bytes.size();
    info.data_offset = file->gguf->data_offset();
    info.alignment = file->gguf->alignment();
    CopyOut(info, out_info);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_file_metadata(const bitnet_file_t* file, size_t index,
                                     bitnet_metadata_t* out_metadata) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (file == nullptr) return InvalidArgument("file is NULL");
    BN_TRY(CheckOut(out_metadata));
    if (index >= file->keys.size()) {
      return Fail(BITNET_E_NOT_FOUND, core::Cat("no metadata key number ", index, ", there are ", file->keys.size()));
    }
    const core::GgufValue& v = file->gguf->values()[index];
    const bool is_array = v.type == core::GgufType::kArray;
    bitnet_metadata_t metadata = BITNET_METADATA_INIT;
    metadata.key = file->keys[index].c_str();
    metadata.type = core::GgufTypeName(v.type).data();  // literals
    metadata.element_type = is_array ? core::GgufTypeName(v.element).data() : "";
    metadata.count = is_array ? v.count : 1;
    metadata.offset = v.offset;
    CopyOut(metadata, out_metadata);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_file_metadata_text(const bitnet_file_t* file, const char* key, char* buf, size_t capacity,
                                          size_t* needed) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (file == nullptr) return InvalidArgument("file is NULL");
    if (key == nullptr) return InvalidArgument("key is NULL");
    const core::GgufValue* v = file->gguf->Find(key);
    if (v == nullptr) return Fail(BITNET_E_NOT_FOUND, core::Cat("no metadata key ", core::Quoted(key)), key);
    return PutText(core::GgufValueText(*v), buf, capacity, needed);
  });
}

bitnet_status_t bitnet_file_tensor(const bitnet_file_t* file, size_t index, bitnet_tensor_t* out_tensor) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (file == nullptr) return InvalidArgument("file is NULL");
    BN_TRY(CheckOut(out_tensor));
    if (index >= file->tensor_names.size()) {
      return Fail(BITNET_E_NOT_FOUND, core::Cat("no tensor number ", index, ", there are ", file->tensor_names.size()));
    }
    if (file->gguf->tensors().empty()) return PutEntry(file->model->tensors()[index], out_tensor);
    const core::GgufTensor& t = file->gguf->tensors()[index];
    const core::QuantTypeInfo* type = core::FindQuantType(static_cast<uint32_t>(t.type));
    bitnet_tensor_t tensor = BITNET_TENSOR_INIT;
    tensor.n_dims = t.n_dims;
    tensor.name = file->tensor_names[index].c_str();
    tensor.type = type != nullptr ? type->name.data() : "unknown";  // literals
    for (uint32_t i = 0; i < 4; ++i) tensor.shape[i] = i < t.n_dims ? t.ne[t.n_dims - 1 - i] : 1;
    tensor.n_bytes = t.n_bytes;
    tensor.offset = t.offset;
    CopyOut(tensor, out_tensor);
    return BITNET_OK;
  });
}

bitnet_status_t bitnet_file_sha256(const bitnet_file_t* file, char out_hex[BITNET_SHA256_HEX_SIZE]) noexcept {
  return Guard([&]() -> bitnet_status_t {
    if (file == nullptr) return InvalidArgument("file is NULL");
    if (out_hex == nullptr) return InvalidArgument("out_hex is NULL");
    PutHex(file->model != nullptr ? file->model->FileSha256() : core::Sha256Of(file->bytes.data(), file->bytes.size()),
           out_hex);
    return BITNET_OK;
  });
}

}  // extern "C"
