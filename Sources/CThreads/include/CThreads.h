// What the thread pool needs and Swift leaves out: calls of the system, and closures as other threads can reach them.
#ifndef RONDO_CTHREADS_H
#define RONDO_CTHREADS_H
#include <pthread.h>
#include <stddef.h>

// glibc declares these for _GNU_SOURCE only, which Swift's importer does not define. Names of our own, so that nothing
// clashes where it is defined.
extern int rondo_sched_getaffinity(int process, size_t bytes, void *_Nullable mask) __asm__("sched_getaffinity");
extern int rondo_sched_setaffinity(int process, size_t bytes, const void *_Nullable mask) __asm__("sched_setaffinity");
extern int rondo_sched_getcpu(void) __asm__("sched_getcpu");
extern int rondo_pthread_setname(pthread_t thread, const char *_Nonnull name) __asm__("pthread_setname_np");

// Tells the core that this is a waiting loop: saves power, and leaves the core to its other hardware thread.
static inline void rondo_spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}

// A Swift closure of type (Int) -> Void as it is passed to a function: its code, and what it captures.
struct rondo_closure {
  void *_Nullable function;
  void *_Nullable context;
};

// Calls a closure, on any thread, while the function runs that it was passed to.
void rondo_closure_call(struct rondo_closure closure, ptrdiff_t argument);
#endif
