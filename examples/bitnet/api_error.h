// Failures of the library as failures of the tool.
#ifndef BITNET_EXAMPLES_BITNET_API_ERROR_H_
#define BITNET_EXAMPLES_BITNET_API_ERROR_H_

#include <bitnet/result.hpp>
#include <string>
#include <utility>

#include "exit_codes.h"

namespace bitnet::tool {

// What the tool was doing: the same status means another exit code while a model loads, and while a chat template runs,
// whose refusal is no wrong usage: another model's template would have taken the conversation.
enum class Doing { kLoadingModel, kRenderingChat, kWorking };

ExitCode ExitCodeFor(bitnet_status_t status, Doing doing);
// The library's message with the place that it names; `context` ("cannot load x.gguf") comes first unless it is "".
[[noreturn]] void Raise(const Error& error, Doing doing, const std::string& context = "");

// The value, or Raise().
template <typename T>
T Get(Result<T>&& result, Doing doing = Doing::kWorking, const std::string& context = "") {
  if (!result) Raise(result.error(), doing, context);
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_API_ERROR_H_
