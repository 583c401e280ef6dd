// Convolutions with many weights and few pixels. There, packing all weights would take as long as the convolution, so it goes the other way
// round: a panel of weights (one tap, some inputs, one block of output channels) is packed into scratch that stays in the nearest caches,
// meets all pixels, and is forgotten. Every weight is read from memory once and none is written. Sums wait in scratch for their next panel.
// Taps meet the pixels that see the image through them where they lie: there are no zeros around the image.
#include "CKernels.h"
#include "convolution_panels.h"
#include "convolution_phases.h"

// Most inputs of a panel.
#define PANEL 256

// A convolution of pixels one by one is one of a single row.
static struct rondo_convolution flattened(const struct rondo_convolution *c) {
  struct rondo_convolution flat = *c;
  const int is_product = c->kernel_height == 1 && c->kernel_width == 1 && c->stride_height == 1 && c->stride_width == 1
                         && c->height == c->out_height && c->width == c->out_width;
  if (!is_product) return flat;
  flat.width = flat.out_width = c->samples * c->height * c->width;
  flat.samples = flat.height = flat.out_height = 1;
  return flat;
}

static size_t sum_floats(const struct rondo_convolution *c, const struct correlation *f) {
  return c->samples * f->rows * f->columns * WIDEST_BLOCK;
}

size_t rondo_convolution_panel_scratch(const struct rondo_convolution *c) {
  const struct correlation forward = forward_correlation(c), phase = input_phase(c, 0, 0).correlation;
  const size_t a = sum_floats(c, &forward), b = sum_floats(c, &phase);
  return PANEL * WIDEST_BLOCK + (a > b ? a : b);
}

// Adds what one panel, `count` inputs from `first` on, contributes to all sums.
static void correlate_panel(
    const struct rondo_convolution *c, const struct correlation *f, const struct block *b, struct seen rows, ptrdiff_t above,
    struct seen columns, ptrdiff_t before, size_t first, size_t count, const float *source, const float *panel, float *sums) {
  const size_t width = b->kernel->width;
  const struct window t = {
      .rows = 1, .runs = 1, .length = count, .pixel_step = f->column_step * f->channels};
  for (size_t sample = 0; sample < c->samples; sample++)
    for (size_t row = rows.first; row < rows.end; row++) {
      const size_t u = (size_t)((ptrdiff_t)(row * f->row_step) + above);
      const size_t v = (size_t)((ptrdiff_t)(columns.first * f->column_step) + before);
      float *to = sums + ((sample * f->rows + row) * f->columns + columns.first) * width;
      b->kernel->correlate(
          &t, source + ((sample * f->height + u) * f->width + v) * f->channels + b->group * f->inputs + first, panel, to,
          width, to, width, columns.end - columns.first, width, STORE);
    }
}

// The sums of one block of output channels over all taps: [samples][rows][columns][width], onto what they hold.
// `p` is null in forward.
static void correlate_block(
    const struct rondo_convolution *c, const struct correlation *f, const struct phase *p, const struct block *b,
    const float *source, const float *weights, float *panel, float *sums) {
  const size_t parts = quotient_up(f->inputs, PANEL);
  for (size_t m = 0; m < f->vertical.count; m++) {
    const ptrdiff_t above = f->vertical.first + (ptrdiff_t)(m * f->vertical.step);
    const struct seen rows = seen(f->rows, f->row_step, above, f->height);
    if (rows.first == rows.end) continue;
    for (size_t n = 0; n < f->horizontal.count; n++) {
      const ptrdiff_t before = f->horizontal.first + (ptrdiff_t)(n * f->horizontal.step);
      const struct seen columns = seen(f->columns, f->column_step, before, f->width);
      if (columns.first == columns.end) continue;
      for (size_t part = 0; part < parts; part++) {
        const size_t first = f->inputs * part / parts, count = f->inputs * (part + 1) / parts - first;
        if (p) rondo_pack_tap_transposed(c, p, b, m, n, first, count, weights, panel);
        else rondo_pack_tap(c, f, b, m, n, first, count, weights, panel);
        correlate_panel(c, f, b, rows, above, columns, before, first, count, source, panel, sums);
      }
    }
  }
}

void rondo_convolution_forward_panels(
    const struct rondo_convolution *shape, size_t first, size_t count, const float *x, const float *weights,
    const float *bias, int activation, float *y, float *z, float *scratch) {
  const struct rondo_convolution flat = flattened(shape), *c = &flat;
  const struct correlation f = forward_correlation(c);
  const size_t pixels = c->samples * f.rows * f.columns;
  float *sums = scratch + PANEL * WIDEST_BLOCK;
  for (size_t index = first; index < first + count; index++) {
    const struct block b = block_at(&f, index);
    const size_t width = b.kernel->width, channel = b.group * f.outputs + b.first;
    memset(sums, 0, pixels * width * sizeof(float));
    for (size_t i = 0; bias && i < pixels; i++) memcpy(sums + i * width, bias + channel, b.valid * sizeof(float));
    correlate_block(c, &f, 0, &b, x, weights, scratch, sums);
    for (size_t i = 0; z && i < pixels; i++)
      memcpy(z + i * c->out_channels + channel, sums + i * width, b.valid * sizeof(float));
    if (activation != RONDO_IDENTITY) rondo_activate(activation, pixels * width, sums, sums);
    for (size_t i = 0; i < pixels; i++)
      memcpy(y + i * c->out_channels + channel, sums + i * width, b.valid * sizeof(float));
  }
}

// The sums of a phase to where its pixels lie in dx.
static void scatter(
    const struct rondo_convolution *c, const struct correlation *f, const struct block *b, size_t row, size_t column,
    int accumulate, const float *sums, float *dx) {
  for (size_t sample = 0; sample < c->samples; sample++)
    for (size_t i = row; i < c->height; i += c->stride_height)
      for (size_t j = column; j < c->width; j += c->stride_width, sums += b->kernel->width) {
        float *to = dx + ((sample * c->height + i) * c->width + j) * c->channels + b->group * f->outputs + b->first;
        if (!accumulate) memcpy(to, sums, b->valid * sizeof(float));
        else
          for (size_t k = 0; k < b->valid; k++) to[k] += sums[k];
      }
}

void rondo_convolution_input_gradient_panels(
    const struct rondo_convolution *shape, size_t first, size_t count, const float *dy, const float *weights, float *dx,
    int accumulate, float *scratch) {
  const struct rondo_convolution flat = flattened(shape), *c = &flat;
  float *sums = scratch + PANEL * WIDEST_BLOCK;
  for (size_t index = first; index < first + count; index++)
    for (size_t row = 0; row < c->stride_height; row++)
      for (size_t column = 0; column < c->stride_width; column++) {
        const struct phase p = input_phase(c, row, column);
        const struct correlation *f = &p.correlation;
        const struct block b = block_at(f, index);
        memset(sums, 0, c->samples * f->rows * f->columns * b.kernel->width * sizeof(float));
        correlate_block(c, f, &p, &b, dy, weights, scratch, sums);
        scatter(c, f, &b, row, column, accumulate, sums, dx);
      }
}

// MARK: The gradient of the weights

// Most rows of the weights that meet one block of channels before the next: what they take up stays in a second-level cache.
#define ROWS 48

size_t rondo_convolution_row_groups(const struct rondo_convolution *c) {
  return c->kernel_height * c->kernel_width * quotient_up(c->channels / c->groups, ROWS);
}

size_t rondo_convolution_gradient_panels(const struct rondo_convolution *c) {
  const struct correlation f = forward_correlation(c);
  return c->samples * f.rows * f.columns * f.groups * packed_width(&f);
}

void rondo_convolution_pack_gradient(
    const struct rondo_convolution *c, size_t first, size_t count, const float *dy, float *packed) {
  const struct correlation f = forward_correlation(c);
  const size_t pixels = c->samples * f.rows * f.columns;
  for (size_t index = first; index < first + count; index++) {
    const struct block b = block_at(&f, index);
    rondo_pack_rows(&b, pixels, dy + b.group * f.outputs + b.first, c->out_channels, packed + b.offset * pixels);
  }
}

void rondo_convolution_weight_gradient_panels(
    const struct rondo_convolution *shape, size_t first, size_t count, const float *x, const float *packed,
    float *dweights, int accumulate) {
  const struct rondo_convolution flat = flattened(shape), *c = &flat;
  const struct correlation f = forward_correlation(c);
  const size_t pixels = c->samples * f.rows * f.columns, parts = quotient_up(f.inputs, ROWS);
  for (size_t index = first; index < first + count; index++) {
    const size_t tap = index / parts, part = index % parts;
    const size_t input = f.inputs * part / parts, inputs = f.inputs * (part + 1) / parts - input;
    const ptrdiff_t above = f.vertical.first + (ptrdiff_t)(tap / c->kernel_width * c->dilation_height);
    const ptrdiff_t before = f.horizontal.first + (ptrdiff_t)(tap % c->kernel_width * c->dilation_width);
    const struct seen rows = seen(f.rows, f.row_step, above, f.height);
    const struct seen columns = seen(f.columns, f.column_step, before, f.width);
    float *sums = dweights + (tap * f.inputs + input) * c->out_channels;
    if (rows.first == rows.end || columns.first == columns.end) {
      if (!accumulate) memset(sums, 0, inputs * c->out_channels * sizeof(float));
      continue;
    }
    const size_t u = (size_t)((ptrdiff_t)(rows.first * f.row_step) + above);
    const size_t v = (size_t)((ptrdiff_t)(columns.first * f.column_step) + before);
    const float *corner = x + (u * f.width + v) * f.channels + input;
    for (size_t block = 0; block < f.groups * blocks_of_group(&f); block++) {
      const struct block b = block_at(&f, block);
      const size_t width = b.kernel->width;
      const struct window t = {
          .length = inputs, .pixel_step = f.column_step * f.channels,
          .source_row_step = f.row_step * f.width * f.channels, .source_sample_step = f.height * f.width * f.channels,
          .gradient_step = width, .gradient_row_step = f.columns * width,
          .gradient_sample_step = f.rows * f.columns * width};
      b.kernel->accumulate(
          &t, corner + b.group * f.inputs,
          packed + b.offset * pixels + (rows.first * f.columns + columns.first) * width,
          (struct pixels){c->samples, rows.end - rows.first, columns.end - columns.first},
          sums + b.group * f.outputs + b.first, c->out_channels, b.valid, accumulate ? ADD : STORE);
    }
  }
}
