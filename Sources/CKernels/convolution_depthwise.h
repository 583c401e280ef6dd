// A row at a time of a convolution in which every channel has a kernel of its own.
#ifndef RONDO_CONVOLUTION_DEPTHWISE_H
#define RONDO_CONVOLUTION_DEPTHWISE_H
#include "convolution_geometry.h"

RONDO_INLINE int is_depthwise(const struct rondo_convolution *c) {
  return c->groups > 1 && c->groups == c->channels && c->groups == c->out_channels;
}

// Output row `row` of the sample x; bias may be null.
void rondo_depthwise_row(
    const struct rondo_convolution *c, size_t row, const float *x, const float *weights, const float *bias, float *y);

// Row `row` of dx, from the sample's dy.
void rondo_depthwise_input_row(
    const struct rondo_convolution *c, size_t row, const float *dy, const float *weights, float *dx, int accumulate);

// Adds what output row `row` of the sample x contributes to the gradient of the weights; dy is that row's.
void rondo_depthwise_weight_row(
    const struct rondo_convolution *c, size_t row, const float *x, const float *dy, float *sums);
#endif
