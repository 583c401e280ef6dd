// What the drivers in convolution.c hand to the inner loops in convolution_levels.c.
#ifndef RONDO_CONVOLUTION_WINDOW_H
#define RONDO_CONVOLUTION_WINDOW_H
#include <stddef.h>

// The inputs of one output pixel: rows x runs pieces of `length` floats that lie together. All steps count floats.
struct window {
  size_t rows, row_step;
  size_t runs, run_step;
  size_t length;
  size_t pixel_step;                       // between the windows of neighbouring output pixels
  size_t source_row_step;                  // between the windows of neighbouring output rows
  size_t gradient_step, gradient_row_step; // between pixels and rows of the output's gradient
};

// The inner loops for `width` output channels at a time.
struct block_kernel {
  size_t width;
  // One row of output pixels: the first `valid` of `width` channels, `out_step` apart.
  void (*correlate)(
      const struct window *t, const float *source, const float *weights, float *out, size_t out_step, size_t columns,
      size_t valid, int accumulate);
  // sums[j] += sum over pixels of source[j] * gradient, for the `length` inputs of one run.
  void (*accumulate)(
      const struct window *t, const float *source, const float *gradient, size_t rows, size_t columns, float *sums);
};

// The kernel for the next channels when `channels` are left, on this machine.
const struct block_kernel *rondo_block_kernel(size_t channels);
#endif
