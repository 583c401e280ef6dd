// The gradient of the weights: sums over pixels of window times output gradient, kept in the layout of packed weights.
#include "convolution_geometry.h"

// A block of output channels of one group, and where its packed weights begin.
struct block {
  const struct block_kernel *kernel;
  size_t group, first, valid, offset;
};

static size_t blocks_of_group(const struct correlation *c) {
  size_t blocks = 0;
  for (size_t k = 0; k < c->outputs; blocks++) k += rondo_block_kernel(c->outputs - k)->width;
  return blocks;
}

static struct block block_at(const struct correlation *c, size_t index) {
  const size_t terms = c->vertical.count * c->horizontal.count * c->inputs, blocks = blocks_of_group(c);
  struct block b = {.group = index / blocks};
  size_t width = 0, before = 0;
  for (size_t i = 0, k = 0; k < c->outputs; i++) {
    const struct block_kernel *kernel = rondo_block_kernel(c->outputs - k);
    if (i < index % blocks) before += kernel->width;
    if (i == index % blocks) {
      b.kernel = kernel;
      b.first = k;
      b.valid = least(kernel->width, c->outputs - k);
    }
    width += kernel->width;
    k += kernel->width;
  }
  b.offset = terms * (b.group * width + before);
  return b;
}

size_t rondo_convolution_blocks(const struct rondo_convolution *c) {
  const struct correlation forward = forward_correlation(c);
  return c->groups * blocks_of_group(&forward);
}

// The output gradient of a unit with the block's channels filled up to whole vectors.
static const float *padded_gradient(
    size_t pixels, const float *dy, size_t channels, const struct block *b, float *scratch) {
  memset(scratch, 0, pixels * b->kernel->width * sizeof(float));
  for (size_t p = 0; p < pixels; p++) copy_some(b->valid, dy + p * channels, scratch + p * b->kernel->width);
  return scratch;
}

void rondo_convolution_weight_gradient(
    const struct rondo_convolution *c, size_t block, size_t first, size_t count, const float *x, const float *dy,
    float *sums, float *scratch) {
  const struct correlation forward = forward_correlation(c);
  const size_t each = unit_rows(&forward), units = units_of_sample(&forward);
  const size_t taps = forward.vertical.count * forward.horizontal.count;
  const struct block b = block_at(&forward, block);
  sums += b.offset;
  memset(sums, 0, taps * forward.inputs * b.kernel->width * sizeof(float));
  for (size_t unit = first; unit < first + count; unit++) {
    const size_t row = unit % units * each, rows = least(each, forward.rows - row);
    const struct patch patch = patch_of(
        &forward, x + unit / units * c->height * c->width * c->channels, b.group, row, rows, scratch);
    struct window t = window_of(&forward, &patch);
    const float *gradient = dy + (unit / units * forward.rows + row) * forward.columns * c->out_channels
                            + b.group * forward.outputs + b.first;
    t.gradient_step = c->out_channels;
    if (b.valid < b.kernel->width) {
      float *space = scratch + (patch_floats(&forward) + 15) / 16 * 16;
      gradient = padded_gradient(rows * forward.columns, gradient, c->out_channels, &b, space);
      t.gradient_step = b.kernel->width;
    }
    t.gradient_row_step = forward.columns * t.gradient_step;
    float *to = sums;
    for (size_t a = 0; a < t.rows; a++)
      for (size_t run = 0; run < t.runs; run++, to += t.length * b.kernel->width)
        b.kernel->accumulate(
            &t, patch.first + a * t.row_step + run * t.run_step, gradient, rows, forward.columns, to);
  }
}

void rondo_convolution_unpack(
    const struct rondo_convolution *c, size_t parts, size_t stride, const float *sums, float *dweights,
    int accumulate) {
  const struct correlation forward = forward_correlation(c);
  const size_t terms = c->kernel_height * c->kernel_width * forward.inputs;
  for (size_t index = 0; index < rondo_convolution_blocks(c); index++) {
    const struct block b = block_at(&forward, index);
    for (size_t term = 0; term < terms; term++) {
      const float *from = sums + b.offset + term * b.kernel->width;
      float *to = dweights + term * c->out_channels + b.group * forward.outputs + b.first;
      for (size_t k = 0; k < b.valid; k++) {
        float sum = from[k];
        for (size_t part = 1; part < parts; part++) sum += from[part * stride + k];
        to[k] = accumulate ? to[k] + sum : sum;
      }
    }
  }
}
