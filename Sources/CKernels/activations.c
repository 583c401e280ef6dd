#include "CKernels.h"
#include "elementary.h"

RONDO_INLINE float gelu(float x) { return 0.5f * x * (1.0f + rondo_erff(x * 0.707106781f)); }

// d/dx of x Phi(x) = Phi(x) + x phi(x), with the standard normal's distribution Phi and density phi.
RONDO_INLINE float gelu_slope(float x) {
  float distribution = 0.5f * (1.0f + rondo_erff(x * 0.707106781f));
  return distribution + x * 0.398942280f * rondo_expf(-0.5f * x * x);
}

RONDO_INLINE float value(int activation, float x) {
  switch (activation) {
    case RONDO_RELU: return x > 0.0f ? x : (x == x ? 0.0f : x);  // NaN stays NaN
    case RONDO_TANH: return rondo_tanhf(x);
    case RONDO_GELU: return gelu(x);
    case RONDO_LEAKY_RELU: return x > 0.0f ? x : 0.01f * x;
    case RONDO_SIGMOID: return rondo_sigmoidf(x);
    case RONDO_SILU: return rondo_siluf(x);
    default: return x;
  }
}

RONDO_INLINE float slope(int activation, float known) {
  switch (activation) {
    case RONDO_RELU: return known > 0.0f ? 1.0f : 0.0f;
    case RONDO_TANH: return 1.0f - known * known;
    case RONDO_GELU: return gelu_slope(known);
    case RONDO_LEAKY_RELU: return known > 0.0f ? 1.0f : 0.01f;
    case RONDO_SIGMOID: return known * (1.0f - known);
    case RONDO_SILU: return rondo_silu_slopef(known);
    default: return 1.0f;
  }
}

// Whether the slope is computed from the input x.
RONDO_INLINE int needs_input(int activation) { return activation == RONDO_GELU || activation == RONDO_SILU; }

// `activation` is a constant in each call of a body below, so that each loop is compiled for its own function and vectorises.
#define FOR_EACH_ACTIVATION(activation, call)             \
  switch (activation) {                                   \
    case RONDO_RELU: call(RONDO_RELU); break;             \
    case RONDO_TANH: call(RONDO_TANH); break;             \
    case RONDO_GELU: call(RONDO_GELU); break;             \
    case RONDO_LEAKY_RELU: call(RONDO_LEAKY_RELU); break; \
    case RONDO_SIGMOID: call(RONDO_SIGMOID); break;       \
    case RONDO_SILU: call(RONDO_SILU); break;             \
    default: call(RONDO_IDENTITY); break;                 \
  }

RONDO_INLINE void activate_body(int activation, size_t n, const float *x, float *y) {
  SAME_OR_APART
  for (size_t i = 0; i < n; i++) y[i] = value(activation, x[i]);
}

RONDO_KERNEL void rondo_activate(int activation, size_t n, const float *x, float *y) {
#define CALL(a) activate_body(a, n, x, y)
  FOR_EACH_ACTIVATION(activation, CALL)
#undef CALL
}

RONDO_INLINE void gradient_body(int activation, size_t n, const float *known, const float *dy, float *dx) {
  SAME_OR_APART
  for (size_t i = 0; i < n; i++) dx[i] = dy[i] * slope(activation, known[i]);
}

RONDO_KERNEL void rondo_activate_gradient(
    int activation, size_t n, const float *known, const float *dy, float *dx) {
#define CALL(a) gradient_body(a, n, known, dy, dx)
  FOR_EACH_ACTIVATION(activation, CALL)
#undef CALL
}

// One row with what there is of bias, residual and known; each is a constant null or not in the calls below.
RONDO_INLINE void bias_activate_row(
    int activation, size_t columns, const float *restrict bias, const float *restrict residual, float *restrict y,
    float *restrict known) {
  for (size_t c = 0; c < columns; c++) {
    const float before = bias ? y[c] + bias[c] : y[c];
    const float after = value(activation, before);
    if (known) known[c] = needs_input(activation) ? before : after;
    y[c] = residual ? after + residual[c] : after;
  }
}

RONDO_INLINE void bias_activate_body(
    int activation, size_t rows, size_t columns, const float *bias, const float *residual, size_t ldr, float *y,
    size_t ldy, float *known, size_t ldk) {
  for (size_t r = 0; r < rows; r++) {
    float *row = y + r * ldy;
    const float *also = residual ? residual + r * ldr : 0;
    float *kept = known ? known + r * ldk : 0;
    switch ((bias ? 4 : 0) + (residual ? 2 : 0) + (known ? 1 : 0)) {
      case 0: bias_activate_row(activation, columns, 0, 0, row, 0); break;
      case 1: bias_activate_row(activation, columns, 0, 0, row, kept); break;
      case 2: bias_activate_row(activation, columns, 0, also, row, 0); break;
      case 3: bias_activate_row(activation, columns, 0, also, row, kept); break;
      case 4: bias_activate_row(activation, columns, bias, 0, row, 0); break;
      case 5: bias_activate_row(activation, columns, bias, 0, row, kept); break;
      case 6: bias_activate_row(activation, columns, bias, also, row, 0); break;
      default: bias_activate_row(activation, columns, bias, also, row, kept); break;
    }
  }
}

RONDO_KERNEL void rondo_bias_activate(
    int activation, size_t rows, size_t columns, const float *bias, const float *residual, size_t ldr, float *y,
    size_t ldy, float *known, size_t ldk) {
#define CALL(a) bias_activate_body(a, rows, columns, bias, residual, ldr, y, ldy, known, ldk)
  FOR_EACH_ACTIVATION(activation, CALL)
#undef CALL
}

// Row by row, as memory lies; the sums of a block of columns stay in the first-level cache while the rows pass by.
#define BLOCK 1024

RONDO_INLINE void gradient_sums_body(
    int activation, size_t rows, size_t columns, const float *known, const float *dy, float *dz, size_t ld,
    float *sums, int accumulate) {
  for (size_t first = 0; first < columns; first += BLOCK) {
    const size_t width = columns - first < BLOCK ? columns - first : BLOCK;
    float sum[BLOCK];
    for (size_t c = 0; c < width; c++) sum[c] = 0.0f;
    for (size_t r = 0; r < rows; r++) {
      const float *k = known + r * ld + first;
      const float *in = dy + r * ld + first;
      float *out = dz + r * ld + first;
      SAME_OR_APART
      for (size_t c = 0; c < width; c++) {
        const float d = in[c] * slope(activation, k[c]);
        out[c] = d;
        sum[c] += d;
      }
    }
    if (sums)
      for (size_t c = 0; c < width; c++) sums[first + c] = accumulate ? sums[first + c] + sum[c] : sum[c];
  }
}

RONDO_KERNEL void rondo_activate_gradient_sums(
    int activation, size_t rows, size_t columns, const float *known, const float *dy, float *dz, size_t ld,
    float *sums, int accumulate) {
#define CALL(a) gradient_sums_body(a, rows, columns, known, dy, dz, ld, sums, accumulate)
  FOR_EACH_ACTIVATION(activation, CALL)
#undef CALL
}
