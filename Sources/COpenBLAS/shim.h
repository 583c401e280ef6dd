// OpenBLAS's CBLAS interface and its own calls (threads, kernel name), and what the thread pool needs of the system
// and Swift's Glibc leaves out.
#ifndef RONDO_COPENBLAS_SHIM_H
#define RONDO_COPENBLAS_SHIM_H
#include <cblas.h>
#include <pthread.h>
#include <stddef.h>

// glibc declares these for _GNU_SOURCE only, which Swift's importer does not define. Names of our own, so that nothing
// clashes where it is defined.
extern int rondo_sched_getaffinity(int process, size_t bytes, void *mask) __asm__("sched_getaffinity");
extern int rondo_sched_setaffinity(int process, size_t bytes, const void *mask) __asm__("sched_setaffinity");
extern int rondo_sched_getcpu(void) __asm__("sched_getcpu");
extern int rondo_pthread_setname(pthread_t thread, const char *name) __asm__("pthread_setname_np");

// Tells the core that this is a waiting loop: saves power, and leaves the core to its other hardware thread.
static inline void rondo_spin_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("isb" ::: "memory");
#endif
}
#endif
