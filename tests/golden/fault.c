/*
 * Loaded into the tool before the C library (LD_PRELOAD): makes one system call on a file fail, or ends the process
 * there as kill -9 does. BITNET_TEST_FAULT is CALL:N:WHAT, the N-th call (from 1) of write, fsync, close, rename,
 * pthread_create, or mmap of memory of 128 MiB or more;
 * WHAT is an errno's number, "kill" (before the call), "half" (write: half of the bytes, then killed) or "short"
 * (write: half of the bytes, which it says). write, fsync and close count for files made by mkostemp only.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int watched = -1; /* the last file of mkostemp */

/* 0: nothing; 1: fails with errno; 2: half a write, then killed; 3: half a write. */
static int Fault(const char* call) {
  static char wanted[16], what[16];
  static int left = -1;
  if (left < 0) {
    const char* fault = getenv("BITNET_TEST_FAULT");
    left = 0;
    if (fault != NULL && sscanf(fault, "%15[^:]:%d:%15s", wanted, &left, what) != 3) abort();
  }
  if (strcmp(call, wanted) != 0 || --left != 0) return 0;
  if (strcmp(what, "kill") == 0) kill(getpid(), SIGKILL);
  if (strcmp(what, "half") == 0) return 2;
  if (strcmp(what, "short") == 0) return 3;
  errno = atoi(what);
  return 1;
}

int mkostemp(char* name, int flags) {
  int (*real)(char*, int) = (int (*)(char*, int))dlsym(RTLD_NEXT, "mkostemp");
  return watched = real(name, flags);
}

ssize_t write(int fd, const void* data, size_t n) {
  ssize_t (*real)(int, const void*, size_t) = (ssize_t(*)(int, const void*, size_t))dlsym(RTLD_NEXT, "write");
  const int fault = fd == watched && fd >= 0 ? Fault("write") : 0;
  if (fault == 1) return -1;
  if (fault >= 2 && n > 1) n /= 2;
  const ssize_t written = real(fd, data, n);
  if (fault == 2) kill(getpid(), SIGKILL);
  return written;
}

int fsync(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  return fd == watched && Fault("fsync") ? -1 : real(fd);
}

int close(int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "close");
  const int fault = fd == watched && fd >= 0 ? Fault("close") : 0;
  const int error = errno;
  const int result = real(fd);
  if (fd == watched) watched = -1; /* the number will be another file's */
  if (fault == 0) return result;
  errno = error;
  return -1;
}

int rename(const char* from, const char* to) {
  int (*real)(const char*, const char*) = (int (*)(const char*, const char*))dlsym(RTLD_NEXT, "rename");
  return Fault("rename") ? -1 : real(from, to);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*start)(void*), void* argument) {
  int (*real)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*) =
      (int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*))dlsym(RTLD_NEXT, "pthread_create");
  return Fault("pthread_create") ? errno : real(thread, attributes, start, argument);
}

void* mmap(void* address, size_t n, int protection, int flags, int fd, off_t offset) {
  void* (*real)(void*, size_t, int, int, int, off_t) =
      (void* (*)(void*, size_t, int, int, int, off_t))dlsym(RTLD_NEXT, "mmap");
  const int large = fd == -1 && n >= (size_t)128 << 20;
  return large && Fault("mmap") ? MAP_FAILED : real(address, n, protection, flags, fd, offset);
}
