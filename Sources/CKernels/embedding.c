#include "embedding.h"

#include "dispatch.h"

RONDO_INLINE int is_row(int32_t index, size_t rows) { return index >= 0 && (size_t)index < rows; }

RONDO_KERNEL void rondo_embedding(
    size_t count, size_t width, const int32_t *indices, const float *table, size_t rows, const float *positions,
    size_t first, size_t period, float *y) {
  for (size_t i = 0; i < count; i++) {
    float *out = y + i * width;
    if (!is_row(indices[i], rows)) {
      for (size_t c = 0; c < width; c++) out[c] = __builtin_nanf("");
      continue;
    }
    const float *row = table + (size_t)indices[i] * width;
    if (positions) {
      const float *position = positions + (first + i) % period * width;
      for (size_t c = 0; c < width; c++) out[c] = row[c] + position[c];
    } else {
      for (size_t c = 0; c < width; c++) out[c] = row[c];
    }
  }
}

RONDO_KERNEL void rondo_embedding_gradient(
    size_t count, size_t columns, size_t width, const int32_t *indices, const float *dy, float *table, size_t rows) {
  for (size_t i = 0; i < count; i++) {
    if (!is_row(indices[i], rows)) continue;
    float *restrict row = table + (size_t)indices[i] * width;
    const float *slope = dy + i * width;
    for (size_t c = 0; c < columns; c++) row[c] += slope[c];
  }
}

RONDO_KERNEL void rondo_position_gradient(
    size_t first, size_t end, size_t period, size_t repeats, size_t width, const float *dy, float *positions,
    int accumulate) {
  for (size_t p = first; p < end; p++) {
    float *restrict row = positions + p * width;
    for (size_t repeat = 0; repeat < repeats; repeat++) {
      const float *slope = dy + (repeat * period + p) * width;
      if (repeat == 0 && !accumulate)
        for (size_t c = 0; c < width; c++) row[c] = slope[c];
      else
        for (size_t c = 0; c < width; c++) row[c] += slope[c];
    }
  }
}

RONDO_INLINE size_t length_of(const int32_t *lengths, size_t sample, size_t times) {
  if (!lengths) return times;
  const int32_t length = lengths[sample];
  return length < 0 ? 0 : (size_t)length < times ? (size_t)length : times;
}

RONDO_KERNEL void rondo_mean_over_time(
    size_t samples, size_t times, size_t width, const float *x, const int32_t *lengths, float *y) {
  for (size_t s = 0; s < samples; s++) {
    const size_t length = length_of(lengths, s, times);
    const float share = length > 0 ? 1.0f / (float)length : 0.0f;
    float *restrict out = y + s * width;
    for (size_t c = 0; c < width; c++) out[c] = 0.0f;
    for (size_t t = 0; t < length; t++)
      for (size_t c = 0; c < width; c++) out[c] += x[(s * times + t) * width + c];
    for (size_t c = 0; c < width; c++) out[c] *= share;
  }
}

RONDO_KERNEL void rondo_mean_over_time_gradient(
    size_t samples, size_t times, size_t width, const float *dy, const int32_t *lengths, float *dx, int accumulate) {
  for (size_t s = 0; s < samples; s++) {
    const size_t length = length_of(lengths, s, times);
    const float share = length > 0 ? 1.0f / (float)length : 0.0f;
    const float *slope = dy + s * width;
    for (size_t t = 0; t < times; t++) {
      float *restrict out = dx + (s * times + t) * width;
      if (t >= length && accumulate) break;
      for (size_t c = 0; c < width; c++) {
        const float value = t < length ? share * slope[c] : 0.0f;
        out[c] = accumulate ? out[c] + value : value;
      }
    }
  }
}
