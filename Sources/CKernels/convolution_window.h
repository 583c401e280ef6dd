// What the drivers in convolution.c hand to the inner loops in convolution_levels.c.
#ifndef RONDO_CONVOLUTION_WINDOW_H
#define RONDO_CONVOLUTION_WINDOW_H
#include <stddef.h>
#include <string.h>

// Weights that will be wanted soon: `rows` rows of `lines` cache lines, `step` floats apart. Each row of a window has `each` of the lines
// fetched, from `first` on; 0 for none.
struct ahead {
  const float *weights;
  size_t rows, lines, step;
  size_t first, each;
};

#define LINE_FLOATS 16

static inline __attribute__((always_inline)) void fetch_ahead(const struct ahead *a, size_t window_row) {
  if (a->each == 0) return;
  size_t line = a->first + window_row * a->each, end = line + a->each;
  if (end > a->rows * a->lines) end = a->rows * a->lines;
  const float *row = a->weights + line / a->lines * a->step;
  for (size_t column = line % a->lines; line < end; line++) {
    __builtin_prefetch(row + column * LINE_FLOATS);
    if (++column == a->lines) column = 0, row += a->step;
  }
}

// The inputs of one output pixel: rows x runs pieces of `length` floats that lie together. All steps count floats.
struct window {
  size_t rows, row_step;
  size_t runs, run_step;
  size_t length;
  size_t pixel_step;                       // between the windows of neighbouring output pixels
  size_t source_row_step;                  // between the windows of neighbouring output rows
  size_t source_sample_step;
  size_t gradient_step, gradient_row_step, gradient_sample_step;  // between pixels, rows and samples of the output's gradient
  struct ahead ahead;
  int has_far_sums;  // those that `accumulate` adds to are not in the cache yet
};

struct pixels {
  size_t samples, rows, columns;
};

// The first `count` of at most 32 floats, by powers of two.
static inline __attribute__((always_inline)) void copy_some(size_t count, const float *from, float *to) {
  if (count & 16) memcpy(to, from, 64), to += 16, from += 16;
  if (count & 8) memcpy(to, from, 32), to += 8, from += 8;
  if (count & 4) memcpy(to, from, 16), to += 4, from += 4;
  if (count & 2) memcpy(to, from, 8), to += 2, from += 2;
  if (count & 1) *to = *from;
}

// What becomes of a finished sum: it is stored, or max(it, 0) is, or it is added to what is there.
enum finish { STORE, RELU, ADD };

// The inner loops for `width` output channels and up to `pixels` pixels at a time.
struct block_kernel {
  size_t width, pixels;
  // One row of output pixels: the first `valid` of `width` channels, `out_step` apart. Sums begin with `start`: null for zeros, otherwise
  // `width` elements for each pixel, `start_step` apart (0 for a bias; they may lie in `out`).
  void (*correlate)(
      const struct window *t, const float *source, const float *weights, const float *start, size_t start_step, float *out,
      size_t out_step, size_t columns, size_t valid, enum finish finish);
  // The sum over pixels of source[j] * gradient, stored as sums[j] or added to it, for the `length` inputs of one run: the first `valid` of
  // `width` channels, `sums_step` apart.
  void (*accumulate)(
      const struct window *t, const float *source, const float *gradient, struct pixels pixels, float *sums,
      size_t sums_step, size_t valid, enum finish finish);
};

// The kernel for the next channels when `channels` are left, on this machine.
const struct block_kernel *rondo_block_kernel(size_t channels);
#endif
