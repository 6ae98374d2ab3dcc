#include "terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "failure.h"
#include "text.h"

namespace bitnet::tool {
namespace {

bool g_quiet = false;

// 0 or an errno.
int WriteAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return 0;
}

void PrintToStderr(std::string_view bytes) { (void)WriteAll(STDERR_FILENO, bytes); }  // nowhere left to complain

}  // namespace

void HoldStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // Open the other way round: to read the one, to write the others is EBADF.
    (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);  // gets the lowest number that is free: fd
  }
}

void Print(std::string_view bytes) {
  const int error = WriteAll(STDOUT_FILENO, bytes);
  if (error == EPIPE) throw ClosedPipe();
  if (error != 0) {
    throw Failure(ExitCode::kRequestNotMet, std::string("cannot write to standard output: ") + std::strerror(error));
  }
}

void PrintGenerated(std::string_view text) {
  static const bool terminal = StdoutIsTerminal();
  if (terminal) {
    Print(PrintableLines(text));
  } else {
    Print(text);
  }
}

bool StdinIsTerminal() { return isatty(STDIN_FILENO) == 1; }
bool StdoutIsTerminal() { return isatty(STDOUT_FILENO) == 1; }
bool StderrIsTerminal() { return isatty(STDERR_FILENO) == 1; }

bool StderrIsLively() {
  const char *no_color = std::getenv("NO_COLOR"), *terminal = std::getenv("TERM");
  return StderrIsTerminal() && (no_color == nullptr || *no_color == '\0') &&
         (terminal == nullptr || std::string_view(terminal) != "dumb");
}

void SetQuiet(bool quiet) { g_quiet = quiet; }

void Note(std::string_view line) {
  if (!g_quiet) Say(line);
}

void Say(std::string_view line) { PrintToStderr(std::string(line) + "\n"); }

void ShowPrompt(std::string_view prompt) {
  if (!g_quiet) PrintToStderr(prompt);
}

void PrintError(std::string_view line) {
  const char* label = StderrIsLively() ? "bitnet: \033[31merror:\033[0m " : "bitnet: error: ";
  PrintToStderr(label + std::string(line) + "\n");
}

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

ProgressBar::ProgressBar(std::string what) : what_(std::move(what)), start_seconds_(Now()) {}

ProgressBar::~ProgressBar() {
  if (shown_) PrintToStderr("\r\033[K");
}

void ProgressBar::Update(uint64_t done, uint64_t total) {
  static const bool lively = StderrIsLively();
  const double now = Now();
  if (!lively || g_quiet || total == 0 || now - start_seconds_ < 0.25 || now - last_seconds_ < 0.05) return;
  constexpr int kWidth = 30;
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const int filled = static_cast<int>(share * kWidth);
  PrintToStderr("\r" + what_ + " [" + std::string(filled, '#') + std::string(kWidth - filled, ' ') + "] " +
                Fixed(100 * share, 0) + " %\033[K");
  shown_ = true;
  last_seconds_ = now;
}

}  // namespace bitnet::tool
