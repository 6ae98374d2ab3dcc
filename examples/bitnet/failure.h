// How a command ends without success: an exit code and one line that says what is wrong and what to do.
#ifndef BITNET_EXAMPLES_BITNET_FAILURE_H_
#define BITNET_EXAMPLES_BITNET_FAILURE_H_

#include <stdexcept>
#include <string>

#include "exit_codes.h"

namespace bitnet::tool {

class Failure : public std::runtime_error {
 public:
  Failure(ExitCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

// The reader of standard output went away: the program ends, quietly.
class ClosedPipe : public std::exception {};

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_FAILURE_H_
