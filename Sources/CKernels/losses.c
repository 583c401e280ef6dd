#include "CKernels.h"
#include "elementary.h"

// log of the sum of exponentials, shifted by the row's maximum so that nothing overflows.
RONDO_KERNEL void rondo_softmax_cross_entropy(
    size_t rows, size_t columns, const float *logits, const int32_t *labels, float *probabilities, float *losses) {
  for (size_t r = 0; r < rows; r++) {
    const float *x = logits + r * columns;
    float *p = probabilities + r * columns;
    const int known = labels[r] >= 0 && (size_t)labels[r] < columns;
    const float chosen = known ? x[labels[r]] : __builtin_nanf("");
    float top = x[0];
    for (size_t c = 1; c < columns; c++) top = x[c] > top ? x[c] : top;
    for (size_t c = 0; c < columns; c++) p[c] = rondo_expf(x[c] - top);
    float sum = 0.0f;
    for (size_t c = 0; c < columns; c++) sum += p[c];
    const float inverse = 1.0f / sum;
    for (size_t c = 0; c < columns; c++) p[c] *= inverse;
    losses[r] = logf(sum) - (chosen - top);
  }
}

RONDO_KERNEL void rondo_softmax_cross_entropy_gradient(
    size_t rows, size_t columns, const float *probabilities, const int32_t *labels, const float *dlosses, float *d,
    int accumulate) {
  for (size_t r = 0; r < rows; r++) {
    const float *p = probabilities + r * columns;
    float *out = d + r * columns;
    const float scale = dlosses[r];
    if (accumulate)
      for (size_t c = 0; c < columns; c++) out[c] += scale * p[c];
    else
      for (size_t c = 0; c < columns; c++) out[c] = scale * p[c];
    if (labels[r] >= 0 && (size_t)labels[r] < columns) out[labels[r]] -= scale;
  }
}

RONDO_KERNEL void rondo_mean_squared_error(
    size_t rows, size_t columns, const float *x, const float *target, float *losses) {
  const float inverse = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    float sum = 0.0f;
    for (size_t c = 0; c < columns; c++) {
      const float difference = x[r * columns + c] - target[r * columns + c];
      sum += difference * difference;
    }
    losses[r] = sum * inverse;
  }
}

RONDO_KERNEL void rondo_mean_squared_error_gradient(
    size_t rows, size_t columns, const float *x, const float *target, const float *dlosses, float *d,
    int accumulate) {
  const float twice = 2.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float scale = dlosses[r] * twice;
    for (size_t c = 0; c < columns; c++) {
      const size_t at = r * columns + c;
      const float g = scale * (x[at] - target[at]);
      d[at] = accumulate ? d[at] + g : g;
    }
  }
}
