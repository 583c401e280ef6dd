#include "elementwise.h"

#include "elementary.h"
#include "odometer.h"

RONDO_INLINE float unary(int function, float x) {
  switch (function) {
    case RONDO_UNARY_EXP: return rondo_expf(x);
    case RONDO_UNARY_LOG: return rondo_logf(x);
    case RONDO_UNARY_LOG1P: return rondo_log1pf(x);
    case RONDO_UNARY_SQRT: return __builtin_elementwise_sqrt(x);
    default: return 1.0f / x;
  }
}

RONDO_INLINE float unary_gradient(int function, float known, float dy) {
  switch (function) {
    case RONDO_UNARY_EXP: return dy * known;
    case RONDO_UNARY_LOG: return dy / known;
    case RONDO_UNARY_LOG1P: return dy / (1.0f + known);
    case RONDO_UNARY_SQRT: return 0.5f * dy / known;
    default: return -dy * (known * known);
  }
}

// `function` is a constant in each call of a body below, so that each loop is compiled for its own function and vectorises.
#define FOR_EACH_UNARY(function, call)                    \
  switch (function) {                                     \
    case RONDO_UNARY_EXP: call(RONDO_UNARY_EXP); break;     \
    case RONDO_UNARY_LOG: call(RONDO_UNARY_LOG); break;     \
    case RONDO_UNARY_LOG1P: call(RONDO_UNARY_LOG1P); break; \
    case RONDO_UNARY_SQRT: call(RONDO_UNARY_SQRT); break;   \
    default: call(RONDO_UNARY_RECIPROCAL); break;         \
  }

RONDO_INLINE void unary_body(int function, size_t n, const float *x, float *y) {
  SAME_OR_APART
  for (size_t i = 0; i < n; i++) y[i] = unary(function, x[i]);
}

RONDO_KERNEL void rondo_unary(int function, size_t n, const float *x, float *y) {
#define CALL(f) unary_body(f, n, x, y)
  FOR_EACH_UNARY(function, CALL)
#undef CALL
}

RONDO_INLINE void unary_gradient_body(
    int function, size_t n, const float *known, const float *dy, float *dx, int accumulate) {
  if (accumulate) {
    SAME_OR_APART
    for (size_t i = 0; i < n; i++) dx[i] += unary_gradient(function, known[i], dy[i]);
  } else {
    SAME_OR_APART
    for (size_t i = 0; i < n; i++) dx[i] = unary_gradient(function, known[i], dy[i]);
  }
}

RONDO_KERNEL void rondo_unary_gradient(
    int function, size_t n, const float *known, const float *dy, float *dx, int accumulate) {
#define CALL(f) unary_gradient_body(f, n, known, dy, dx, accumulate)
  FOR_EACH_UNARY(function, CALL)
#undef CALL
}

RONDO_KERNEL void rondo_affine(size_t n, float scale, float shift, const float *x, float *y, int accumulate) {
  if (accumulate) {
    SAME_OR_APART
    for (size_t i = 0; i < n; i++) y[i] += scale * x[i] + shift;
  } else {
    SAME_OR_APART
    for (size_t i = 0; i < n; i++) y[i] = scale * x[i] + shift;
  }
}

RONDO_INLINE float binary(int operation, float a, float b) {
  switch (operation) {
    case RONDO_BINARY_ADD: return a + b;
    case RONDO_BINARY_SUBTRACT: return a - b;
    case RONDO_BINARY_MULTIPLY: return a * b;
    case RONDO_BINARY_DIVIDE: return a / b;
    default: return a == b ? 1.0f : 0.0f;
  }
}

RONDO_INLINE float with(int accumulate, float old, float value) { return accumulate ? old + value : value; }

// A run of the last axis. At most one of the two is repeated along it: an axis along which both are would have extent 1.
RONDO_INLINE void binary_run(
    int operation, int accumulate, size_t n, const float *a, ptrdiff_t a_stride, const float *b, ptrdiff_t b_stride,
    float *y) {
  if (a_stride == 0) {
    const float one = *a;
    SAME_OR_APART
    for (size_t i = 0; i < n; i++) y[i] = with(accumulate, y[i], binary(operation, one, b[i]));
  } else if (b_stride == 0) {
    const float one = *b;
    SAME_OR_APART
    for (size_t i = 0; i < n; i++) y[i] = with(accumulate, y[i], binary(operation, a[i], one));
  } else {
    SAME_OR_APART
    for (size_t i = 0; i < n; i++) y[i] = with(accumulate, y[i], binary(operation, a[i], b[i]));
  }
}

#define FOR_EACH_BINARY(operation, call)                          \
  switch (operation) {                                            \
    case RONDO_BINARY_ADD: call(RONDO_BINARY_ADD); break;           \
    case RONDO_BINARY_SUBTRACT: call(RONDO_BINARY_SUBTRACT); break; \
    case RONDO_BINARY_MULTIPLY: call(RONDO_BINARY_MULTIPLY); break; \
    case RONDO_BINARY_DIVIDE: call(RONDO_BINARY_DIVIDE); break;     \
    default: call(RONDO_BINARY_EQUAL); break;                     \
  }

RONDO_KERNEL void rondo_broadcast(
    int operation, int accumulate, size_t rank, const ptrdiff_t *extents, const ptrdiff_t *a_strides,
    const ptrdiff_t *b_strides, size_t first, size_t n, const float *a, const float *b, float *y) {
  struct odometer place = odometer_at(first, rank, extents, a_strides, b_strides);
  for (y += first; n > 0;) {
    const size_t run = odometer_run(&place, n);
    const float *a_run = a + place.a, *b_run = b + place.b;
    const ptrdiff_t a_stride = a_strides[rank - 1], b_stride = b_strides[rank - 1];
#define CALL(o)                                                          \
  if (accumulate) binary_run(o, 1, run, a_run, a_stride, b_run, b_stride, y); \
  else binary_run(o, 0, run, a_run, a_stride, b_run, b_stride, y)
    FOR_EACH_BINARY(operation, CALL)
#undef CALL
    odometer_advance(&place, run);
    y += run;
    n -= run;
  }
}
