#include "CKernels.h"

#include <string.h>

#include "elementary.h"

RONDO_KERNEL void rondo_add(size_t n, float *restrict a, const float *restrict b) {
  for (size_t i = 0; i < n; i++) a[i] += b[i];
}

RONDO_KERNEL void rondo_add_double(size_t n, double *restrict a, const double *restrict b) {
  for (size_t i = 0; i < n; i++) a[i] += b[i];
}

RONDO_KERNEL void rondo_scale(size_t n, float scale, const float *x, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = scale * x[i];
}

RONDO_KERNEL void rondo_add_scaled(size_t n, float scale, const float *restrict x, float *restrict y) {
  for (size_t i = 0; i < n; i++) y[i] += scale * x[i];
}

RONDO_KERNEL void rondo_exp(size_t n, const float *x, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = rondo_expf(x[i]);
}

RONDO_KERNEL void rondo_tanh(size_t n, const float *x, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = rondo_tanhf(x[i]);
}

RONDO_KERNEL void rondo_erf(size_t n, const float *x, float *y) {
  for (size_t i = 0; i < n; i++) y[i] = rondo_erff(x[i]);
}

RONDO_KERNEL size_t rondo_count_beyond(size_t n, float bound, const float *restrict x) {
  size_t beyond = 0;
  for (size_t start = 0; start < n; start += 1 << 20) {
    const size_t end = n - start < 1 << 20 ? n : start + (1 << 20);
    uint32_t count = 0;
    for (size_t i = start; i < end; i++) count += !(__builtin_fabsf(x[i]) <= bound);
    beyond += count;
  }
  return beyond;
}

// A block is summed in the first-level cache and written from there: each element of each buffer is read once, each result written
// once.
#define BLOCK 512
// Sums in hand at a time: a binary tree over 2^(LEVELS - 1) buffers.
#define LEVELS 16

// The sum of two buffers, as two ranks have, or one with two partial sums: straight from memory to the first result, which takes two thirds of
// the time that it takes by way of `sums`.
RONDO_INLINE void fold_two(size_t start, size_t width, float *const *buffers, size_t results, float *const *result) {
  const float *const x = buffers[0] + start, *const y = buffers[1] + start;
  float *const sum = result[0] + start;
  SAME_OR_APART for (size_t i = 0; i < width; i++) sum[i] = x[i] + y[i];
  for (size_t r = 1; r < results; r++) memcpy(result[r] + start, sum, width * sizeof(float));
}

RONDO_KERNEL void rondo_fold(
    size_t first, size_t n, size_t count, float *const *buffers, const unsigned char *merges, size_t results,
    float *const *result) {
  float sums[LEVELS][BLOCK];
  for (size_t start = first; start < first + n; start += BLOCK) {
    const size_t width = first + n - start < BLOCK ? first + n - start : BLOCK;
    if (count == 2) {
      fold_two(start, width, buffers, results, result);
      continue;
    }
    size_t depth = 0;
    for (size_t b = 0; b < count; b++) {
      const float *restrict x = buffers[b] + start;
      size_t left = merges[b];
      if (left > 0) {
        float *restrict top = sums[depth - 1];
        for (size_t i = 0; i < width; i++) top[i] += x[i];
        left--;
      } else if (b + 1 < count && merges[b + 1] > 0) {
        const float *restrict y = buffers[b + 1] + start;
        float *restrict top = sums[depth++];
        for (size_t i = 0; i < width; i++) top[i] = x[i] + y[i];
        left = merges[++b] - 1;
      } else {
        memcpy(sums[depth++], x, width * sizeof(float));
      }
      for (; left > 0; left--, depth--) {
        float *restrict low = sums[depth - 2];
        const float *restrict top = sums[depth - 1];
        for (size_t i = 0; i < width; i++) low[i] += top[i];
      }
    }
    for (size_t r = 0; r < results; r++) memcpy(result[r] + start, sums[0], width * sizeof(float));
  }
}
