// Weights in the order in which forward and the gradient of the input read them: for each group and block of output channels all taps and
// inputs, each with the block's channels side by side and filled up to whole vectors. Those of a depthwise convolution stay as they are,
// one block.
#include "CKernels.h"
#include "convolution_depthwise.h"
#include "convolution_panels.h"

size_t rondo_convolution_blocks(const struct rondo_convolution *c) {
  if (is_depthwise(c)) return 1;
  const struct correlation forward = forward_correlation(c);
  return c->groups * blocks_of_group(&forward);
}

size_t rondo_convolution_input_blocks(const struct rondo_convolution *c) {
  if (is_depthwise(c)) return 1;
  const struct correlation phase = input_phase(c, 0, 0).correlation;
  return c->groups * blocks_of_group(&phase);
}

// The bias follows the weights.
size_t rondo_convolution_packed(const struct rondo_convolution *c) {
  if (is_depthwise(c)) return weight_floats(c) + c->channels;
  const struct correlation forward = forward_correlation(c);
  return packed_floats(&forward) + forward.groups * packed_width(&forward);
}

size_t rondo_convolution_packed_transposed(const struct rondo_convolution *c) {
  if (is_depthwise(c)) return weight_floats(c);
  const struct correlation phase = input_phase(c, 0, 0).correlation;
  return c->groups * c->kernel_height * c->kernel_width * phase.inputs * packed_width(&phase);
}

RONDO_KERNEL void rondo_pack_rows(const struct block *b, size_t count, const float *rows, size_t step, float *packed) {
  const size_t width = b->kernel->width;
  if (b->valid == 32)
    for (size_t i = 0; i < count; i++, rows += step, packed += 32) memcpy(packed, rows, 128);
  else if (b->valid == 16 && width == 16)
    for (size_t i = 0; i < count; i++, rows += step, packed += 16) memcpy(packed, rows, 64);
  else
    for (size_t i = 0; i < count; i++, rows += step, packed += width) {
      memcpy(packed, rows, b->valid * sizeof(float));
      memset(packed + b->valid, 0, (width - b->valid) * sizeof(float));
    }
}

void rondo_pack_columns(const struct block *b, size_t count, const float *rows, size_t step, float *packed) {
  const size_t width = b->kernel->width;
  rondo_transpose(0, count, b->valid, rows, step, packed, width);
  for (size_t i = 0; b->valid < width && i < count; i++)
    memset(packed + i * width + b->valid, 0, (width - b->valid) * sizeof(float));
}

void rondo_convolution_pack(
    const struct rondo_convolution *c, size_t first, size_t count, const float *weights, const float *bias, float *packed) {
  if (is_depthwise(c)) {
    memcpy(packed, weights, weight_floats(c) * sizeof(float));
    if (bias) memcpy(packed + weight_floats(c), bias, c->channels * sizeof(float));
    return;
  }
  const struct correlation f = forward_correlation(c);
  const size_t terms = f.vertical.count * f.horizontal.count * f.inputs;
  for (size_t index = first; index < first + count; index++) {
    const struct block b = block_at(&f, index);
    const size_t channel = b.group * f.outputs + b.first;
    rondo_pack_rows(&b, terms, weights + channel, c->out_channels, packed + b.offset * terms);
    if (bias) rondo_pack_rows(&b, 1, bias + channel, c->out_channels, packed + packed_floats(&f) + b.offset);
  }
}

void rondo_convolution_pack_transposed(
    const struct rondo_convolution *c, size_t first, size_t count, const float *weights, float *packed) {
  if (is_depthwise(c)) {
    memcpy(packed, weights, weight_floats(c) * sizeof(float));
    return;
  }
  for (size_t row = 0; row < c->stride_height; row++)
    for (size_t column = 0; column < c->stride_width; column++) {
      const struct phase p = input_phase(c, row, column);
      const size_t terms = p.vertical.taps.count * p.horizontal.taps.count * p.correlation.inputs;
      for (size_t index = first; index < first + count; index++) {
        const struct block b = block_at(&p.correlation, index);
        float *to = packed + b.offset * terms;
        for (size_t m = 0; m < p.vertical.taps.count; m++)
          for (size_t n = 0; n < p.horizontal.taps.count; n++, to += p.correlation.inputs * b.kernel->width)
            rondo_pack_columns(
                &b, p.correlation.inputs, phase_tap_weights(c, &p, &b, m, n, 0, weights), c->out_channels, to);
      }
      packed += packed_floats(&p.correlation);
    }
}
