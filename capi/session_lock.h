// One thread at a time: a session that is inside a call refuses another one instead of racing it.
#ifndef BITNET_CAPI_SESSION_LOCK_H_
#define BITNET_CAPI_SESSION_LOCK_H_

#include "capi/handles.h"
#include "capi/last_error.h"

namespace bitnet::capi {

// Holds a session for a call that changes it. bitnet_session_free() in a callback of that call takes effect here.
class Exclusive {
 public:
  explicit Exclusive(bitnet_session_t* session) noexcept : session_(session) {
    int32_t free = 0;
    held_ = session_->users.compare_exchange_strong(free, -1, std::memory_order_acquire);
  }
  ~Exclusive() {
    if (!held_) return;
    if (session_->freed.load(std::memory_order_relaxed)) {
      delete session_;
    } else {
      session_->users.store(0, std::memory_order_release);  // last: whoever sees it may free the session
    }
  }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;

  bool held() const { return held_; }

 private:
  bitnet_session_t* session_;
  bool held_;
};

// Holds a session for a call that only reads; several may.
class Shared {
 public:
  explicit Shared(const bitnet_session_t* session) noexcept : session_(session) {
    int32_t n = session_->users.load(std::memory_order_relaxed);
    while (n >= 0 && !(held_ = session_->users.compare_exchange_weak(n, n + 1, std::memory_order_acquire))) {
    }
  }
  ~Shared() {
    if (held_) session_->users.fetch_sub(1, std::memory_order_release);
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  bool held() const { return held_; }

 private:
  const bitnet_session_t* session_;
  bool held_ = false;
};

inline bitnet_status_t Busy() {
  return Fail(BITNET_E_BAD_STATE,
              "the session is inside another call: use it from one thread at a time and not from its own callback",
              "session");
}

}  // namespace bitnet::capi

#endif  // BITNET_CAPI_SESSION_LOCK_H_
