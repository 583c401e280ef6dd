#include "CKernels.h"
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

// A block is summed in the first-level cache and written to all buffers from there: each element of each buffer is read once and
// written once.
#define BLOCK 1024

RONDO_KERNEL void rondo_sum_to_all(size_t first, size_t n, size_t count, float *const *buffers) {
  for (size_t start = first; start < first + n; start += BLOCK) {
    const size_t width = first + n - start < BLOCK ? first + n - start : BLOCK;
    float sum[BLOCK];
    for (size_t i = 0; i < width; i++) sum[i] = buffers[0][start + i];
    for (size_t b = 1; b < count; b++) {
      const float *x = buffers[b] + start;
      for (size_t i = 0; i < width; i++) sum[i] += x[i];
    }
    for (size_t b = 0; b < count; b++) {
      float *y = buffers[b] + start;
      for (size_t i = 0; i < width; i++) y[i] = sum[i];
    }
  }
}
