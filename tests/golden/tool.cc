#include "golden/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/catch.h"

namespace bitnet::test {
namespace {

void MakePipe(int ends[2]) { REQUIRE(pipe2(ends, O_CLOEXEC) == 0); }

void CloseEnd(int& fd) {
  if (fd >= 0) close(fd);
  fd = -1;
}

}  // namespace

ToolProcess::ToolProcess(const std::vector<std::string>& arguments, const Given& given) {
  signal(SIGPIPE, SIG_IGN);  // a tool that ends before it has read its input
  int in[2], out[2], err[2];
  MakePipe(in);
  MakePipe(out);
  MakePipe(err);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
  for (const int fd : given.closed) posix_spawn_file_actions_addclose(&actions, fd);
  posix_spawnattr_t attributes;  // the tool starts with the signals that a shell gives it
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);

  std::vector<std::string> words = {BITNET_TOOL};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> variables;
  for (const char* name : {"PATH", "TMPDIR", "LD_LIBRARY_PATH"}) {
    if (const char* value = getenv(name)) variables.push_back(std::string(name) + "=" + value);
  }
  for (const auto& [name, value] : given.variables) variables.push_back(name + "=" + value);
  variables.push_back("HOME=/nonexistent");  // the first of a name counts
  std::vector<char*> argv, envp;
  for (std::string& word : words) argv.push_back(word.data());
  for (std::string& variable : variables) envp.push_back(variable.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  REQUIRE(posix_spawn(&pid_, BITNET_TOOL, &actions, &attributes, argv.data(), envp.data()) == 0);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  in_ = in[1], out_ = out[0], err_ = err[0];
  for (const int fd : {out_, err_}) fcntl(fd, F_SETFL, O_NONBLOCK);
  WriteInput(given.input);
}

ToolProcess::~ToolProcess() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  CloseEnd(in_);
  CloseEnd(out_);
  CloseEnd(err_);
}

bool ToolProcess::ReadSome(bool wait) {
  pollfd fds[] = {{out_, POLLIN, 0}, {err_, POLLIN, 0}};
  if (wait) poll(fds, 2, -1);
  bool open = false;
  for (auto [fd, text] : {std::pair{&out_, &outcome_.out}, std::pair{&err_, &outcome_.err}}) {
    if (*fd < 0) continue;
    char chunk[1 << 16];
    const ssize_t n = read(*fd, chunk, sizeof chunk);
    if (n > 0) text->append(chunk, static_cast<size_t>(n));
    if (n == 0) CloseEnd(*fd);
    if (*fd >= 0) open = true;
  }
  return open;
}

bool ToolProcess::WaitForOutput(std::string_view text) {
  while (outcome_.out.find(text) == std::string::npos) {
    if (!ReadSome(true)) return outcome_.out.find(text) != std::string::npos;
  }
  return true;
}

void ToolProcess::WriteInput(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(in_, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return;  // it does not read any more
    text.remove_prefix(static_cast<size_t>(n));
  }
}

void ToolProcess::CloseInput() { CloseEnd(in_); }
void ToolProcess::CloseOutput() { CloseEnd(out_); }

bool ToolProcess::WaitUntilStarted(bool asleep) {
  const int needed = asleep ? 10 : 1;  // looks in a row: a sleep that does not end by itself
  for (int found = 0; found < needed; usleep(10000)) {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/status");
    char state = 'Z';
    uint64_t caught = 0;  // bit N - 1: signal N
    for (std::string line; std::getline(file, line);) {
      if (line.rfind("State:\t", 0) == 0) state = line[7];
      if (line.rfind("SigCgt:\t", 0) == 0) caught = std::stoull(line.substr(8), nullptr, 16);
    }
    if (state == 'Z') return false;
    found = (caught >> (SIGINT - 1) & 1) != 0 && (!asleep || state == 'S') ? found + 1 : 0;
  }
  return true;
}

void ToolProcess::Interrupt() { kill(pid_, SIGINT); }
void ToolProcess::Kill() { kill(pid_, SIGKILL); }

Outcome ToolProcess::Finish() {
  CloseInput();
  while (ReadSome(true)) {
  }
  int status = 0;
  pid_t ended;
  while ((ended = waitpid(pid_, &status, 0)) < 0 && errno == EINTR) {
  }
  REQUIRE(ended == pid_);
  pid_ = -1;
  outcome_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  return outcome_;
}

Outcome RunTool(const std::vector<std::string>& arguments, const Given& given) {
  return ToolProcess(arguments, given).Finish();
}

Json Parse(std::string_view json) {
  auto value = core::ParseJson(json);
  INFO("JSON: " << json.substr(0, 2000) << "\nerror: " << (value.ok() ? "" : value.status().message()));
  REQUIRE(value.ok());
  return *std::move(value);
}

Json RunToolJson(const std::vector<std::string>& arguments, const Given& given) {
  const Outcome run = RunTool(arguments, given);
  INFO("standard error: " << run.err);
  REQUIRE(run.exit_code == 0);
  REQUIRE(run.out.size() > 1);
  REQUIRE(run.out.find('\n') == run.out.size() - 1);
  return Parse(std::string_view(run.out).substr(0, run.out.size() - 1));
}

const Json& At(const Json& json, std::string_view path) {
  const Json* value = &json;
  INFO("path: " << path);
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    value = value->Find(path.substr(begin, end - begin));
    REQUIRE(value != nullptr);
    begin = end + 1;
  }
  return *value;
}

std::string Text(const Json& json, std::string_view path) {
  const Json& value = At(json, path);
  REQUIRE(value.kind == Json::Kind::kString);
  return value.string;
}

std::vector<int32_t> Ids(const Json& json, std::string_view path) {
  std::vector<int32_t> ids;
  for (const Json& id : At(json, path).array) ids.push_back(static_cast<int32_t>(id.uinteger));
  return ids;
}

std::string List(const std::vector<int32_t>& ids) {
  std::string out;
  for (const int32_t id : ids) out += (out.empty() ? "" : ",") + std::to_string(id);
  return out;
}

std::string ReadBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  INFO("file: " << path);
  REQUIRE(file.good());
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

ScratchFolder::ScratchFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "bitnet-test-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

const Json& Goldens() {
  static const Json goldens = Parse(ReadBytes(BITNET_TEST_DATA "/golden/golden.json"));
  return goldens;
}

}  // namespace bitnet::test
