#include "dispatch.h"
#include "normalization.h"

// The sums over a row run over vector lanes; their order depends on the columns alone.

RONDO_KERNEL void rondo_layer_norm(
    size_t rows, size_t columns, float epsilon, const float *x, const float *gain, const float *bias, float *y,
    float *mean, float *inverse) {
  const float share = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float *in = x + r * columns;
    float *out = y + r * columns;
    float sum = 0.0f;
    for (size_t c = 0; c < columns; c++) sum += in[c];
    const float center = sum * share;
    float squares = 0.0f;  // of the distances: the difference of two large sums would lose what matters
    for (size_t c = 0; c < columns; c++) squares += (in[c] - center) * (in[c] - center);
    const float factor = 1.0f / __builtin_sqrtf(squares * share + epsilon);
    if (bias)
      for (size_t c = 0; c < columns; c++) out[c] = (in[c] - center) * factor * gain[c] + bias[c];
    else
      for (size_t c = 0; c < columns; c++) out[c] = (in[c] - center) * factor * gain[c];
    mean[r] = center;
    inverse[r] = factor;
  }
}

RONDO_KERNEL void rondo_rms_norm(
    size_t rows, size_t columns, float epsilon, const float *x, const float *gain, float *y, float *inverse) {
  const float share = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float *in = x + r * columns;
    float *out = y + r * columns;
    float squares = 0.0f;
    for (size_t c = 0; c < columns; c++) squares += in[c] * in[c];
    const float factor = 1.0f / __builtin_sqrtf(squares * share + epsilon);
    for (size_t c = 0; c < columns; c++) out[c] = in[c] * factor * gain[c];
    inverse[r] = factor;
  }
}

// With h = (x - mean) * inverse and g = dy * gain:  dx = inverse * (g - mean(g) - h * mean(g h)); without a mean the second term is
// missing. `mean` is null for the root mean square.
RONDO_INLINE void gradient_body(
    size_t rows, size_t columns, const float *x, const float *gain, const float *mean, const float *inverse,
    const float *dy, float *dx, int accumulate, float *restrict gains, float *restrict biases) {
  const float share = 1.0f / (float)columns;
  for (size_t c = 0; gains && c < columns; c++) gains[c] = 0.0f;
  for (size_t c = 0; biases && c < columns; c++) biases[c] = 0.0f;
  for (size_t r = 0; r < rows; r++) {
    const float *in = x + r * columns;
    const float *slope = dy + r * columns;
    const float center = mean ? mean[r] : 0.0f, factor = inverse[r];
    if (gains)
      for (size_t c = 0; c < columns; c++) gains[c] += slope[c] * ((in[c] - center) * factor);
    if (biases)
      for (size_t c = 0; c < columns; c++) biases[c] += slope[c];
    if (!dx) continue;
    float sum = 0.0f, products = 0.0f;
    for (size_t c = 0; c < columns; c++) {
      const float g = slope[c] * gain[c];
      sum += g;
      products += g * ((in[c] - center) * factor);
    }
    const float level = mean ? sum * share : 0.0f, tilt = products * share;
    float *out = dx + r * columns;
    if (accumulate)
      for (size_t c = 0; c < columns; c++)
        out[c] += factor * (slope[c] * gain[c] - level - (in[c] - center) * factor * tilt);
    else
      for (size_t c = 0; c < columns; c++)
        out[c] = factor * (slope[c] * gain[c] - level - (in[c] - center) * factor * tilt);
  }
}

RONDO_KERNEL void rondo_layer_norm_gradient(
    size_t rows, size_t columns, const float *x, const float *gain, const float *mean, const float *inverse,
    const float *dy, float *dx, int accumulate, float *gains, float *biases) {
  gradient_body(rows, columns, x, gain, mean, inverse, dy, dx, accumulate, gains, biases);
}

RONDO_KERNEL void rondo_rms_norm_gradient(
    size_t rows, size_t columns, const float *x, const float *gain, const float *inverse, const float *dy, float *dx,
    int accumulate, float *gains) {
  gradient_body(rows, columns, x, gain, 0, inverse, dy, dx, accumulate, gains, 0);
}

RONDO_KERNEL void rondo_add_partial_sums(
    size_t parts, size_t columns, const float *sums, size_t stride, float *target, int accumulate) {
  for (size_t c = 0; !accumulate && c < columns; c++) target[c] = 0.0f;
  for (size_t part = 0; part < parts; part++)
    for (size_t c = 0; c < columns; c++) target[c] += sums[part * stride + c];
}
