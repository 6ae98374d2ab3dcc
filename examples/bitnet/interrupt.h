// Ctrl-C: the running generation ends after the current token; a second one ends the program at once.
#ifndef BITNET_EXAMPLES_BITNET_INTERRUPT_H_
#define BITNET_EXAMPLES_BITNET_INTERRUPT_H_

#include <signal.h>

namespace bitnet::tool {

void InstallInterruptHandler();
// Whether Ctrl-C came since the start or the last ForgetInterrupt().
bool Interrupted();
void ForgetInterrupt();
// Waits until standard input can be read: false when Ctrl-C came before that.
bool WaitForInput();

// A mapped model file that another process cuts short ends the program with one line and kRequestNotMet, not with a
// signal.
void InstallBusErrorHandler();

// While it lives, Ctrl-C also calls `cancel(object)`, which must be safe in a signal handler. One at a time.
class OnInterrupt {
 public:
  OnInterrupt(void (*cancel)(void* object), void* object);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;
};

// While it lives, Ctrl-C ends the program at once: for work that cannot be asked to stop and has nothing to clean up.
// Failure where it came before.
class EndOnInterrupt {
 public:
  EndOnInterrupt();
  ~EndOnInterrupt();
  EndOnInterrupt(const EndOnInterrupt&) = delete;
  EndOnInterrupt& operator=(const EndOnInterrupt&) = delete;
};

// While it lives, a second Ctrl-C within two seconds of the first says nothing new: what the first one stops has a
// folder to remove.
class CleanUpOnInterrupt {
 public:
  CleanUpOnInterrupt();
  ~CleanUpOnInterrupt();
  CleanUpOnInterrupt(const CleanUpOnInterrupt&) = delete;
  CleanUpOnInterrupt& operator=(const CleanUpOnInterrupt&) = delete;
};

// Where a signal ends the program at once, the file goes first. `path` stays where it is until KeepAtEnd().
void RemoveAtEnd(const char* path);
void KeepAtEnd(const char* path);

// While it lives, this thread and the threads that it starts do not take Ctrl-C: the pool of an engine is made under
// it.
class SignalBlock {
 public:
  SignalBlock();
  ~SignalBlock();
  SignalBlock(const SignalBlock&) = delete;
  SignalBlock& operator=(const SignalBlock&) = delete;

 private:
  sigset_t before_;
};

}  // namespace bitnet::tool

#endif  // BITNET_EXAMPLES_BITNET_INTERRUPT_H_
