#include "pooling.h"

#include <string.h>

#include "dispatch.h"

// The part of a window that lies inside the input.
struct span {
  size_t first, end;
};

RONDO_INLINE struct span inside(size_t position, size_t stride, size_t padding, size_t window, size_t extent) {
  const size_t start = position * stride, end = start + window;  // both counted with the padding before the input
  return (struct span){start > padding ? start - padding : 0, end > padding + extent ? extent : end - padding};
}

RONDO_INLINE struct span rows_of(const struct rondo_pooling *p, size_t i) {
  return inside(i, p->stride_height, p->padding_top, p->window_height, p->height);
}

RONDO_INLINE struct span columns_of(const struct rondo_pooling *p, size_t j) {
  return inside(j, p->stride_width, p->padding_left, p->window_width, p->width);
}

RONDO_INLINE float larger(float a, float b) { return b > a || b != b ? b : a; }  // NaN wins, and stays

RONDO_INLINE void largest_body(
    size_t channels, const struct rondo_pooling *p, size_t first, size_t count, const float *x, float *restrict y) {
  for (size_t row = first; row < first + count; row++) {
    const float *sample = x + row / p->out_height * p->height * p->width * channels;
    const struct span rows = rows_of(p, row % p->out_height);
    for (size_t j = 0; j < p->out_width; j++, y += channels) {
      const struct span columns = columns_of(p, j);
      for (size_t c = 0; c < channels; c++) y[c] = -__builtin_inff();
      for (size_t a = rows.first; a < rows.end; a++)
        for (size_t b = columns.first; b < columns.end; b++) {
          const float *from = sample + (a * p->width + b) * channels;
          for (size_t c = 0; c < channels; c++) y[c] = larger(y[c], from[c]);
        }
    }
  }
}

RONDO_KERNEL void rondo_max_pool(
    const struct rondo_pooling *p, size_t first, size_t count, const float *x, float *y) {
  y += first * p->out_width * p->channels;
  if (p->channels == 6) largest_body(6, p, first, count, x, y);
  else if (p->channels == 16) largest_body(16, p, first, count, x, y);
  else largest_body(p->channels, p, first, count, x, y);
}

// Channels whose gradient still looks for its place, at a time.
#define BLOCK 64

RONDO_INLINE void largest_gradient_body(
    size_t channels, const struct rondo_pooling *p, size_t first, size_t count, const float *x, const float *y,
    const float *dy, float *restrict dx) {
  for (size_t row = 0; row < count * p->out_height; row++) {
    const size_t corner = (first + row / p->out_height) * p->height * p->width * channels;
    const struct span rows = rows_of(p, row % p->out_height);
    for (size_t j = 0; j < p->out_width; j++) {
      const struct span columns = columns_of(p, j);
      const size_t at = ((first * p->out_height + row) * p->out_width + j) * channels;
      for (size_t block = 0; block < channels; block += BLOCK) {
        const size_t width = channels - block < BLOCK ? channels - block : BLOCK;
        const float *top = y + at + block;
        float open[BLOCK];
        for (size_t c = 0; c < width; c++) open[c] = dy[at + block + c];
        for (size_t a = rows.first; a < rows.end; a++)
          for (size_t b = columns.first; b < columns.end; b++) {
            const size_t place = corner + (a * p->width + b) * channels + block;
            for (size_t c = 0; c < width; c++) {
              const int found = x[place + c] == top[c] || x[place + c] != x[place + c];
              dx[place + c] += found ? open[c] : 0.0f;
              open[c] = found ? 0.0f : open[c];
            }
          }
      }
    }
  }
}

RONDO_INLINE void clear(const struct rondo_pooling *p, size_t first, size_t count, float *dx) {
  const size_t sample = p->height * p->width * p->channels;
  memset(dx + first * sample, 0, count * sample * sizeof(float));
}

RONDO_KERNEL void rondo_max_pool_gradient(
    const struct rondo_pooling *p, size_t first, size_t count, const float *x, const float *y, const float *dy, float *dx,
    int accumulate) {
  if (!accumulate) clear(p, first, count, dx);
  if (p->channels == 6) largest_gradient_body(6, p, first, count, x, y, dy, dx);
  else if (p->channels == 16) largest_gradient_body(16, p, first, count, x, y, dy, dx);
  else largest_gradient_body(p->channels, p, first, count, x, y, dy, dx);
}

RONDO_KERNEL void rondo_average_pool(
    const struct rondo_pooling *p, size_t first, size_t count, const float *x, float *restrict y) {
  const size_t channels = p->channels;
  y += first * p->out_width * channels;
  for (size_t row = first; row < first + count; row++) {
    const float *sample = x + row / p->out_height * p->height * p->width * channels;
    const struct span rows = rows_of(p, row % p->out_height);
    for (size_t j = 0; j < p->out_width; j++, y += channels) {
      const struct span columns = columns_of(p, j);
      const float share = 1.0f / (float)((rows.end - rows.first) * (columns.end - columns.first));
      for (size_t c = 0; c < channels; c++) y[c] = 0.0f;
      for (size_t a = rows.first; a < rows.end; a++)
        for (size_t b = columns.first; b < columns.end; b++) {
          const float *from = sample + (a * p->width + b) * channels;
          for (size_t c = 0; c < channels; c++) y[c] += from[c];
        }
      for (size_t c = 0; c < channels; c++) y[c] *= share;
    }
  }
}

RONDO_KERNEL void rondo_average_pool_gradient(
    const struct rondo_pooling *p, size_t first, size_t count, const float *dy, float *restrict dx, int accumulate) {
  const size_t channels = p->channels;
  if (!accumulate) clear(p, first, count, dx);
  dy += first * p->out_height * p->out_width * channels;
  for (size_t row = first * p->out_height; row < (first + count) * p->out_height; row++) {
    float *sample = dx + row / p->out_height * p->height * p->width * channels;
    const struct span rows = rows_of(p, row % p->out_height);
    for (size_t j = 0; j < p->out_width; j++, dy += channels) {
      const struct span columns = columns_of(p, j);
      const float share = 1.0f / (float)((rows.end - rows.first) * (columns.end - columns.first));
      for (size_t a = rows.first; a < rows.end; a++)
        for (size_t b = columns.first; b < columns.end; b++) {
          float *to = sample + (a * p->width + b) * channels;
          for (size_t c = 0; c < channels; c++) to[c] += dy[c] * share;
        }
    }
  }
}
