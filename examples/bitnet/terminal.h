// Standard output and standard error: results on one, all else on the other.
#ifndef BITNET_EXAMPLES_BITNET_TERMINAL_H_
#define BITNET_EXAMPLES_BITNET_TERMINAL_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace bitnet::tool {

// Takes the numbers of standard streams that are closed, so that no file this program opens becomes one of them. They
// fail as closed ones do. Comes first.
void HoldStandardStreams();

// Writes to standard output at once. ClosedPipe when its reader is gone, Failure when it cannot be written.
void Print(std::string_view bytes);
// Text of a model: as it is, but harmless where standard output is a terminal.
void PrintGenerated(std::string_view text);

bool StdinIsTerminal();
bool StdoutIsTerminal();
bool StderrIsTerminal();
// Colour and progress bars: only on a terminal, and not with NO_COLOR or on a dumb one.
bool StderrIsLively();

// --quiet: notes are not printed. Errors and what a person asked for in a chat are, always.
void SetQuiet(bool quiet);
void Note(std::string_view line);
void Say(std::string_view line);
// "> " where a person types.
void ShowPrompt(std::string_view prompt);
void PrintError(std::string_view line);

// A bar on standard error while something loads; nothing where that is not lively, or with --quiet, or for loads
// under a quarter of a second.
class ProgressBar {
 public:
  explicit ProgressBar(std::string what);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  void Update(uint64_t done, uint64_t total);

 private:
  std::string what_;
  double start_seconds_;
  double last_seconds_ = 0;
  bool shown_ = false;
};

// Seconds of a clock that only goes forward.
double Now();

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_TERMINAL_H_
