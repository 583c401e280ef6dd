#ifndef RONDO_POOLING_H
#define RONDO_POOLING_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// x [samples][height][width][channels], y [samples][out_height][out_width][channels]. Window (i, j) begins at input pixel
// (i stride_height - padding_top, j stride_width - padding_left) and meets at least one pixel; what lies outside does not count.
// One dimension is height 1.
struct rondo_pooling {
  size_t samples, height, width, channels;
  size_t out_height, out_width;
  size_t window_height, window_width;
  size_t stride_height, stride_width;
  size_t padding_top, padding_left;
};

// Output rows first ..< first + count, counted over all samples: the largest element of each window, or NaN if it has one.
void rondo_max_pool(
    const struct rondo_pooling *_Nonnull p, size_t first, size_t count, const float *_Nonnull x, float *_Nonnull y);

// dx of samples first ..< first + count: each window's dy goes to its first largest element, rows before columns.
void rondo_max_pool_gradient(
    const struct rondo_pooling *_Nonnull p, size_t first, size_t count, const float *_Nonnull x, const float *_Nonnull y,
    const float *_Nonnull dy, float *_Nonnull dx, int accumulate);

// Output rows first ..< first + count: the mean of each window.
void rondo_average_pool(
    const struct rondo_pooling *_Nonnull p, size_t first, size_t count, const float *_Nonnull x, float *_Nonnull y);

// dx of samples first ..< first + count.
void rondo_average_pool_gradient(
    const struct rondo_pooling *_Nonnull p, size_t first, size_t count, const float *_Nonnull dy, float *_Nonnull dx,
    int accumulate);

#ifdef __cplusplus
}
#endif
#endif
