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
