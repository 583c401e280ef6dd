// How a kernel is compiled: one clone per x86-64 level, chosen by the loader for the machine at hand; a single body elsewhere.
#ifndef RONDO_DISPATCH_H
#define RONDO_DISPATCH_H

#if defined(__x86_64__) && defined(__linux__)
#define RONDO_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RONDO_KERNEL
#endif

#define RONDO_INLINE static inline __attribute__((always_inline))

// Products and sums may fuse, and sums may be split over vector lanes. NaN and infinity keep their meaning, unlike -ffast-math.
#pragma clang fp contract(fast) reassociate(on)

// Before a loop whose buffers are the same or apart: without it, one that works in place runs without vectors.
#define SAME_OR_APART _Pragma("clang loop vectorize(assume_safety)")
#endif
