// The gradient of the weights: what a tap sees times the output's gradient, summed over pixels, in the layout of the weights. A tap meets
// the pixels that see the image through it where they lie; zeros around the image are left out.
#include "convolution_depthwise.h"

// Pixels of a unit: so many that reading and writing sums costs little, so few that their gradients stay in the nearest caches.
#define PIXELS 256
// Fewer inputs than this do not fill a tile of sums: taps that lie side by side are then taken together, out of a patch.
#define FEW 4

// A unit is a few rows of one sample, or several whole samples.
static struct pixels unit_pixels(const struct rondo_convolution *c, const struct correlation *f) {
  if (f->inputs < FEW) return (struct pixels){1, unit_rows(f), f->columns};
  const size_t rows = at_least_one(PIXELS / f->columns);
  if (rows < f->rows) return (struct pixels){1, equal_parts(f->rows, rows), f->columns};
  const size_t samples = at_least_one(PIXELS / (f->rows * f->columns));
  return (struct pixels){equal_parts(c->samples, least(samples, c->samples)), f->rows, f->columns};
}

size_t rondo_convolution_weight_units(const struct rondo_convolution *c) {
  const struct correlation f = forward_correlation(c);
  const struct pixels each = unit_pixels(c, &f);
  return quotient_up(c->samples, each.samples) * quotient_up(f.rows, each.rows);
}

static size_t gradient_floats(struct pixels p, size_t width) { return p.samples * p.rows * p.columns * width; }

size_t rondo_convolution_weight_scratch(const struct rondo_convolution *c) {
  const struct correlation f = forward_correlation(c);
  return gradient_floats(unit_pixels(c, &f), 32) + (f.inputs < FEW ? patch_floats(&f) : 0);
}

// A unit's output gradient of one block of channels, side by side and filled up to whole vectors: where it lies, if it lies so.
static const float *gradient_of_block(
    struct pixels p, const float *dy, size_t channels, const struct block *b, float *scratch) {
  const size_t width = b->kernel->width;
  if (channels == width) return dy;
  if (b->valid < width) memset(scratch, 0, gradient_floats(p, width) * sizeof(float));
  float *to = scratch;
  for (size_t i = 0; i < p.samples * p.rows * p.columns; i++, dy += channels, to += width) {
    if (b->valid == width) memcpy(to, dy, width * sizeof(float));
    else copy_some(b->valid, dy, to);
  }
  return scratch;
}

static void accumulate_taps(
    const struct rondo_convolution *c, const struct correlation *f, const struct block *b, struct pixels unit,
    size_t row, const float *x, const float *gradient, float *sums) {
  struct window t = {
      .length = f->inputs, .pixel_step = c->stride_width * c->channels,
      .source_row_step = c->stride_height * c->width * c->channels, .source_sample_step = c->height * c->width * c->channels,
      .gradient_step = b->kernel->width, .gradient_row_step = f->columns * b->kernel->width,
      .gradient_sample_step = unit.rows * f->columns * b->kernel->width};
  for (size_t i = 0; i < c->kernel_height; i++) {
    const ptrdiff_t above = (ptrdiff_t)(row * c->stride_height + i * c->dilation_height) - (ptrdiff_t)c->padding_top;
    const struct seen rows = seen(unit.rows, c->stride_height, above, c->height);
    for (size_t j = 0; j < c->kernel_width; j++, sums += f->inputs * c->out_channels) {
      const ptrdiff_t before = (ptrdiff_t)(j * c->dilation_width) - (ptrdiff_t)c->padding_left;
      const struct seen columns = seen(f->columns, c->stride_width, before, c->width);
      if (rows.first == rows.end || columns.first == columns.end) continue;
      const size_t u = (size_t)((ptrdiff_t)(rows.first * c->stride_height) + above);
      const size_t v = (size_t)((ptrdiff_t)(columns.first * c->stride_width) + before);
      b->kernel->accumulate(
          &t, x + (u * c->width + v) * c->channels,
          gradient + rows.first * t.gradient_row_step + columns.first * t.gradient_step,
          (struct pixels){unit.samples, rows.end - rows.first, columns.end - columns.first}, sums, c->out_channels,
          b->valid, ADD);
    }
  }
}

static void accumulate_patch(
    const struct rondo_convolution *c, const struct correlation *f, const struct block *b, struct pixels unit,
    size_t row, const float *sample, const float *gradient, float *sums, float *scratch) {
  const struct patch patch = patch_of(f, sample, b->group, row, unit.rows, scratch);
  struct window t = window_of(f, &patch);
  t.gradient_step = b->kernel->width;
  t.gradient_row_step = f->columns * b->kernel->width;
  for (size_t i = 0; i < t.rows; i++)
    for (size_t run = 0; run < t.runs; run++, sums += t.length * c->out_channels)
      b->kernel->accumulate(
          &t, patch.first + i * t.row_step + run * t.run_step, gradient, unit, sums, c->out_channels, b->valid, ADD);
}

static void accumulate_depthwise(
    const struct rondo_convolution *c, struct pixels unit, size_t row, const float *x, const float *dy, float *sums) {
  for (size_t sample = 0; sample < unit.samples; sample++, x += c->height * c->width * c->channels)
    for (size_t i = 0; i < unit.rows; i++, dy += unit.columns * c->channels)
      rondo_depthwise_weight_row(c, row + i, x, dy, sums);
}

static void accumulate_block(
    const struct rondo_convolution *c, const struct correlation *f, size_t block, struct pixels unit, size_t row,
    const float *x, const float *dy, float *sums, float *scratch) {
  const struct block b = block_at(f, block);
  const size_t channel = b.group * f->outputs + b.first;
  const float *gradient = gradient_of_block(unit, dy + channel, c->out_channels, &b, scratch);
  if (f->inputs < FEW)
    accumulate_patch(c, f, &b, unit, row, x, gradient, sums + channel, scratch + gradient_floats(unit, 32));
  else accumulate_taps(c, f, &b, unit, row, x + b.group * f->inputs, gradient, sums + channel);
}

static void clear_block(const struct rondo_convolution *c, const struct correlation *f, size_t block, float *sums) {
  const struct block b = block_at(f, block);
  sums += b.group * f->outputs + b.first;
  for (size_t term = 0; term < c->kernel_height * c->kernel_width * f->inputs; term++, sums += c->out_channels)
    memset(sums, 0, b.valid * sizeof(float));
}

void rondo_convolution_weight_gradient(
    const struct rondo_convolution *c, size_t first_block, size_t blocks, size_t first, size_t count, const float *x,
    const float *dy, float *dweights, int accumulate, float *scratch) {
  const struct correlation f = forward_correlation(c);
  const struct pixels each = unit_pixels(c, &f);
  const size_t cuts = quotient_up(f.rows, each.rows);
  if (!accumulate && is_depthwise(c)) memset(dweights, 0, weight_floats(c) * sizeof(float));
  else if (!accumulate)
    for (size_t block = first_block; block < first_block + blocks; block++) clear_block(c, &f, block, dweights);
  for (size_t unit = first; unit < first + count; unit++) {
    const size_t sample = unit / cuts * each.samples, row = unit % cuts * each.rows;
    const struct pixels pixels = {least(each.samples, c->samples - sample), least(each.rows, f.rows - row), f.columns};
    const float *from = x + sample * c->height * c->width * c->channels;
    const float *gradient = dy + (sample * f.rows + row) * f.columns * c->out_channels;
    if (is_depthwise(c)) accumulate_depthwise(c, pixels, row, from, gradient, dweights);
    else
      for (size_t block = first_block; block < first_block + blocks; block++)
        accumulate_block(c, &f, block, pixels, row, from, gradient, dweights, scratch);
  }
}
