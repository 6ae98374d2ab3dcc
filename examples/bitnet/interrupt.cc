#include "interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <string_view>

#include "exit_codes.h"
#include "failure.h"

namespace bitnet::tool {
namespace {

std::atomic<bool> g_interrupted{false};
std::atomic<bool> g_ended{false};  // the program is asked to end, not only what it does right now
std::atomic<void*> g_object{nullptr};
std::atomic<void (*)(void*)> g_cancel{nullptr};
std::atomic<bool> g_end_at_once{false};     // EndOnInterrupt
std::atomic<bool> g_cleans_up{false};       // CleanUpOnInterrupt
std::atomic<time_t> g_interrupted_at{0};    // seconds of a clock that only goes forward
std::atomic<const char*> g_to_remove[4]{};  // an output, a receipt, a report and its policy, the digest of a model
static_assert(std::atomic<time_t>::is_always_lock_free);
static_assert(std::atomic<void*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

// What asks a program to end: the keyboard, a supervisor, a terminal that goes away. All let it leave nothing behind.
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

// For signal handlers.
[[noreturn]] void EndAtOnce(ExitCode code) {
  for (const std::atomic<const char*>& path : g_to_remove) {
    if (const char* name = path.load()) unlink(name);
  }
  _exit(static_cast<int>(code));
}

time_t Seconds() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec;
}

void OnSignal(int number) {
  constexpr time_t kPatienceSeconds = 2;
  if (number != SIGINT) g_ended = true;
  const bool again = g_interrupted.exchange(true);
  if (g_end_at_once) {
    static constexpr std::string_view kLine = "\nbitnet: interrupted\n";
    const size_t start = isatty(STDIN_FILENO) == 1 ? 0 : 1;  // the terminal has printed ^C
    [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, &kLine[start], kLine.size() - start);
    EndAtOnce(ExitCode::kInterrupted);
  }
  if (!again) g_interrupted_at = Seconds();
  if (again && g_cleans_up && Seconds() - g_interrupted_at.load() <= kPatienceSeconds) return;
  if (again) EndAtOnce(ExitCode::kInterrupted);
  if (void* object = g_object.load()) g_cancel.load()(object);
}

}  // namespace

void InstallInterruptHandler() {
  struct sigaction action = {};
  action.sa_handler = OnSignal;  // without SA_RESTART: a read of the keyboard ends with EINTR
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) sigaddset(&action.sa_mask, number);  // one is handled to its end
  for (const int number : kSignals) sigaction(number, &action, nullptr);
  signal(SIGPIPE, SIG_IGN);  // a write says EPIPE instead
  signal(SIGXFSZ, SIG_IGN);  // and EFBIG, where files may not grow so large
}

void InstallBusErrorHandler() {
  struct sigaction action = {};
  action.sa_handler = [](int) {
    static std::atomic<bool> told{false};  // several threads may meet the missing pages at once
    while (told.exchange(true)) pause();
    static constexpr char kLine[] =
        "bitnet: error: a file was cut short, or could not be read, while its mapping was in use; check it and start "
        "again, with --load-mode copy if it may change\n";
    [[maybe_unused]] const ssize_t ignored = write(STDERR_FILENO, kLine, sizeof kLine - 1);
    EndAtOnce(ExitCode::kRequestNotMet);
  };
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

SignalBlock::SignalBlock() {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  for (const int number : kSignals) sigaddset(&interrupt, number);
  pthread_sigmask(SIG_BLOCK, &interrupt, &before_);
}

SignalBlock::~SignalBlock() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

bool Interrupted() { return g_interrupted.load() || g_ended.load(); }
void ForgetInterrupt() { g_interrupted.store(false); }

bool WaitForInput() {
  sigset_t interrupt, before;
  sigemptyset(&interrupt);
  for (const int number : kSignals) sigaddset(&interrupt, number);
  pthread_sigmask(SIG_BLOCK, &interrupt, &before);  // so that none comes between the look and the wait
  pollfd input = {STDIN_FILENO, POLLIN, 0};
  bool ready = !Interrupted();
  while (ready && ppoll(&input, 1, nullptr, &before) < 0) {
    if (errno != EINTR) break;  // the read will say what is wrong
    ready = !Interrupted();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);  // one that came beside the input is taken here
  return ready && !Interrupted();
}

EndOnInterrupt::EndOnInterrupt() {
  g_end_at_once = true;
  if (!Interrupted()) return;
  g_end_at_once = false;
  throw Failure(ExitCode::kInterrupted, "interrupted");
}

EndOnInterrupt::~EndOnInterrupt() { g_end_at_once = false; }

CleanUpOnInterrupt::CleanUpOnInterrupt() { g_cleans_up = true; }
CleanUpOnInterrupt::~CleanUpOnInterrupt() { g_cleans_up = false; }

void RemoveAtEnd(const char* path) {
  for (std::atomic<const char*>& place : g_to_remove) {
    const char* none = nullptr;
    if (place.compare_exchange_strong(none, path)) return;
  }
}

void KeepAtEnd(const char* path) {
  for (std::atomic<const char*>& place : g_to_remove) {
    const char* kept = path;
    place.compare_exchange_strong(kept, nullptr);
  }
}

OnInterrupt::OnInterrupt(void (*cancel)(void* object), void* object) {
  g_cancel.store(cancel);
  g_object.store(object);
}

OnInterrupt::~OnInterrupt() { g_object.store(nullptr); }

}  // namespace bitnet::tool
