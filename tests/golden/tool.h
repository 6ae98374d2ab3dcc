// Runs the built tool as a user's shell does, and reads what it says.
#ifndef BITNET_TESTS_GOLDEN_TOOL_H_
#define BITNET_TESTS_GOLDEN_TOOL_H_

#include <sys/types.h>

#include <climits>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/json_reader.h"

namespace bitnet::test {

using Json = core::JsonValue;

struct Outcome {
  int exit_code = INT_MIN;  // -N when signal N ended it: a shell's 128 + N is also what a tool ends itself with
  std::string out;
  std::string err;
};

struct Given {
  std::string input = {};                                           // standard input
  std::vector<std::pair<std::string, std::string>> variables = {};  // of the environment, added to a clean one
  std::vector<int> closed = {};                                     // standard streams that it starts without
};

// A tool at work. Its output must be small enough for a pipe where nobody reads it.
class ToolProcess {
 public:
  explicit ToolProcess(const std::vector<std::string>& arguments, const Given& given = {});
  ~ToolProcess();
  ToolProcess(const ToolProcess&) = delete;
  ToolProcess& operator=(const ToolProcess&) = delete;

  // Reads from its standard output until `text` has come; false when it ends before.
  bool WaitForOutput(std::string_view text);
  void WriteInput(std::string_view text);
  void CloseInput();
  void CloseOutput();  // as `head` does
  // Waits until it takes Ctrl-C itself, before which that kills it, and if `asleep`, until it waits for something, as
  // for the other end of a pipe; false when it ends before.
  bool WaitUntilStarted(bool asleep = false);
  void Interrupt();  // Ctrl-C
  void Kill();       // kill -9
  Outcome Finish();  // closes its input, reads the rest, waits

 private:
  bool ReadSome(bool wait);
  pid_t pid_ = -1;
  int in_ = -1, out_ = -1, err_ = -1;
  Outcome outcome_;
};

Outcome RunTool(const std::vector<std::string>& arguments, const Given& given = {});

// Runs it, checks that it ends with 0 and one JSON document in one line, and gives that.
Json RunToolJson(const std::vector<std::string>& arguments, const Given& given = {});
Json Parse(std::string_view json);

// The value at `path` ("timings.load_ms"); fails the test when there is none.
const Json& At(const Json& json, std::string_view path);
std::string Text(const Json& json, std::string_view path);
std::vector<int32_t> Ids(const Json& json, std::string_view path);
std::string List(const std::vector<int32_t>& ids);  // "1,2,3"

std::string ReadBytes(const std::string& path);
// A folder of this test's own, empty, under the system's temporary folder; gone with the object.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// tests/data/golden/golden.json.
const Json& Goldens();

}  // namespace bitnet::test

#endif  // BITNET_TESTS_GOLDEN_TOOL_H_
