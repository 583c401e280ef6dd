// Convolutions in which every channel has a kernel of its own: no sums over channels, so that loops over channels fill vectors.
#include "convolution_depthwise.h"

#include "CKernels.h"

RONDO_KERNEL void rondo_depthwise_row(
    const struct rondo_convolution *c, size_t row, const float *x, const float *weights, const float *bias,
    float *restrict y) {
  if (!bias) memset(y, 0, c->out_width * c->channels * sizeof(float));
  for (size_t j = 0; bias && j < c->out_width; j++) memcpy(y + j * c->channels, bias, c->channels * sizeof(float));
  const ptrdiff_t above = (ptrdiff_t)(row * c->stride_height) - (ptrdiff_t)c->padding_top;
  const struct seen rows = seen(c->kernel_height, c->dilation_height, above, c->height);
  for (size_t a = rows.first; a < rows.end; a++) {
    const float *from = x + (size_t)((ptrdiff_t)(a * c->dilation_height) + above) * c->width * c->channels;
    for (size_t b = 0; b < c->kernel_width; b++) {
      const ptrdiff_t before = (ptrdiff_t)(b * c->dilation_width) - (ptrdiff_t)c->padding_left;
      const struct seen columns = seen(c->out_width, c->stride_width, before, c->width);
      const float *w = weights + (a * c->kernel_width + b) * c->channels;
      for (size_t j = columns.first; j < columns.end; j++) {
        const float *pixel = from + (size_t)((ptrdiff_t)(j * c->stride_width) + before) * c->channels;
        for (size_t i = 0; i < c->channels; i++) y[j * c->channels + i] += pixel[i] * w[i];
      }
    }
  }
}

RONDO_KERNEL void rondo_depthwise_input_row(
    const struct rondo_convolution *c, size_t row, const float *dy, const float *weights, float *restrict dx,
    int accumulate) {
  if (!accumulate) memset(dx, 0, c->width * c->channels * sizeof(float));
  for (size_t a = 0; a < c->kernel_height; a++) {
    const ptrdiff_t above = (ptrdiff_t)(row + c->padding_top) - (ptrdiff_t)(a * c->dilation_height);
    if (above < 0 || (size_t)above % c->stride_height != 0 || (size_t)above / c->stride_height >= c->out_height) continue;
    const float *from = dy + (size_t)above / c->stride_height * c->out_width * c->channels;
    for (size_t b = 0; b < c->kernel_width; b++) {
      const ptrdiff_t before = (ptrdiff_t)(b * c->dilation_width) - (ptrdiff_t)c->padding_left;
      const struct seen columns = seen(c->out_width, c->stride_width, before, c->width);
      const float *w = weights + (a * c->kernel_width + b) * c->channels;
      for (size_t j = columns.first; j < columns.end; j++) {
        float *to = dx + (size_t)((ptrdiff_t)(j * c->stride_width) + before) * c->channels;
        for (size_t i = 0; i < c->channels; i++) to[i] += from[j * c->channels + i] * w[i];
      }
    }
  }
}

// Channels whose sums are held in registers.
#define BLOCK 64

RONDO_INLINE void weight_block(
    size_t width, size_t k, const struct rondo_convolution *c, size_t row, const float *x, const float *dy, float *sums) {
  for (size_t a = 0; a < c->kernel_height; a++) {
    const ptrdiff_t above = (ptrdiff_t)(row * c->stride_height + a * c->dilation_height) - (ptrdiff_t)c->padding_top;
    if (above < 0 || (size_t)above >= c->height) continue;
    for (size_t b = 0; b < c->kernel_width; b++) {
      const ptrdiff_t before = (ptrdiff_t)(b * c->dilation_width) - (ptrdiff_t)c->padding_left;
      const struct seen columns = seen(c->out_width, c->stride_width, before, c->width);
      float *to = sums + (a * c->kernel_width + b) * c->channels + k;
      float sum[BLOCK];
      for (size_t i = 0; i < width; i++) sum[i] = to[i];
      for (size_t j = columns.first; j < columns.end; j++) {
        const size_t v = (size_t)((ptrdiff_t)(j * c->stride_width) + before);
        const float *from = x + ((size_t)above * c->width + v) * c->channels + k, *d = dy + j * c->channels + k;
        for (size_t i = 0; i < width; i++) sum[i] += from[i] * d[i];
      }
      for (size_t i = 0; i < width; i++) to[i] = sum[i];
    }
  }
}

RONDO_KERNEL void rondo_depthwise_weight_row(
    const struct rondo_convolution *c, size_t row, const float *x, const float *dy, float *sums) {
  for (size_t k = 0; k < c->channels; k += BLOCK)
    if (c->channels - k >= BLOCK) weight_block(BLOCK, k, c, row, x, dy, sums);
    else weight_block(c->channels - k, k, c, row, x, dy, sums);
}
