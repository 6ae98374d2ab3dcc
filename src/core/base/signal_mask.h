// Which signals the threads of this library take: none of the host's.
#ifndef BITNET_CORE_BASE_SIGNAL_MASK_H_
#define BITNET_CORE_BASE_SIGNAL_MASK_H_

#include <signal.h>

namespace bitnet::core {

// While it lives, threads that are made inherit a mask in which the host's signals are blocked: they are handled on the
// host's threads. Those that a fault raises are not: where one is blocked the kernel ends the process without asking
// the host's handler.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t signals;
    sigfillset(&signals);
    for (const int fault : {SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) sigdelset(&signals, fault);
    pthread_sigmask(SIG_BLOCK, &signals, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace bitnet::core

#endif  // BITNET_CORE_BASE_SIGNAL_MASK_H_
