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

// A panel meets its pixels in pieces of so many inputs, between which parts of the next panel are fetched.
#define PIECE 32

// The weights that are packed next, cut for so many fetches; they are null after the last.
static struct ahead ahead_of(
    const struct rondo_convolution *c, const struct block *b, int is_phase, const float *weights, size_t count,
    size_t fetches) {
  struct ahead a = {.weights = weights, .step = c->out_channels};
  if (weights == 0) return a;
  a.rows = is_phase ? b->valid : count;
  a.lines = quotient_up(is_phase ? count : b->valid, LINE_FLOATS);
  a.each = quotient_up(a.rows * a.lines, fetches);
  return a;
}

// Where a tap meets the image.
struct meeting {
  struct seen rows, columns;
  ptrdiff_t above, before;
};

static struct meeting meeting_of(const struct correlation *f, size_t m, size_t n) {
  struct meeting at = {
      .above = f->vertical.first + (ptrdiff_t)(m * f->vertical.step),
      .before = f->horizontal.first + (ptrdiff_t)(n * f->horizontal.step)};
  at.rows = seen(f->rows, f->row_step, at.above, f->height);
  at.columns = seen(f->columns, f->column_step, at.before, f->width);
  return at;
}

// Adds what one panel, `count` inputs from `source` on, contributes to all sums; meanwhile fetches the next, at `next`.
static void correlate_panel(
    const struct rondo_convolution *c, const struct correlation *f, const struct block *b, const struct meeting *at,
    size_t count, const float *source, const float *panel, int is_phase, const float *next, float *sums) {
  const size_t width = b->kernel->width;
  const size_t pieces = count % PIECE == 0 ? count / PIECE : 1, columns = at->columns.end - at->columns.first;
  const size_t runs = quotient_up(columns, b->kernel->pixels), calls = c->samples * (at->rows.end - at->rows.first) * runs;
  struct window t = {
      .rows = pieces, .row_step = PIECE, .runs = 1, .length = count / pieces, .pixel_step = f->column_step * f->channels,
      .ahead = ahead_of(c, b, is_phase, next, count, calls * pieces)};
  const size_t v = (size_t)((ptrdiff_t)(at->columns.first * f->column_step) + at->before);
  for (size_t sample = 0; sample < c->samples; sample++)
    for (size_t row = at->rows.first; row < at->rows.end; row++) {
      const size_t u = (size_t)((ptrdiff_t)(row * f->row_step) + at->above);
      const float *from = source + ((sample * f->height + u) * f->width + v) * f->channels;
      float *to = sums + ((sample * f->rows + row) * f->columns + at->columns.first) * width;
      for (size_t run = 0; run < runs; run++, t.ahead.first += pieces * t.ahead.each) {
        const size_t first = columns * run / runs, end = columns * (run + 1) / runs;
        b->kernel->correlate(
            &t, from + first * t.pixel_step, panel, to + first * width, width, to + first * width, width, end - first, width,
            STORE);
      }
    }
}

// The sums of one block of output channels over all taps: [samples][rows][columns][width], onto what they hold.
// `p` is null in forward.
static void correlate_block(
    const struct rondo_convolution *c, const struct correlation *f, const struct phase *p, const struct block *b,
    const float *source, const float *weights, float *panel, float *sums) {
  const size_t parts = quotient_up(f->inputs, PANEL), taps = f->vertical.count * f->horizontal.count;
  for (size_t index = 0; index < taps * parts; index++) {
    const float *at[2] = {0, 0};  // this panel's weights and the next one's
    for (size_t i = 0; i < 2 && index + i < taps * parts; i++) {
      const size_t tap = (index + i) / parts, first = f->inputs * ((index + i) % parts) / parts;
      const size_t m = tap / f->horizontal.count, n = tap % f->horizontal.count;
      at[i] = p ? phase_tap_weights(c, p, b, m, n, first, weights) : tap_weights(c, f, b, m, n, first, weights);
    }
    const size_t tap = index / parts, part = index % parts;
    const size_t first = f->inputs * part / parts, count = f->inputs * (part + 1) / parts - first;
    const struct meeting meeting = meeting_of(f, tap / f->horizontal.count, tap % f->horizontal.count);
    if (meeting.rows.first == meeting.rows.end || meeting.columns.first == meeting.columns.end) continue;
    if (p) rondo_pack_columns(b, count, at[0], c->out_channels, panel);
    else rondo_pack_rows(b, count, at[0], c->out_channels, panel);
    correlate_panel(c, f, b, &meeting, count, source + b->group * f->inputs + first, panel, p != 0, at[1], sums);
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

// Most rows of the weights that meet one block of channels before the next: more leave that block's gradients longer in the nearest cache,
// fewer make more groups for threads.
#define ROWS 128

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
    const struct meeting at = meeting_of(&f, tap / c->kernel_width, tap % c->kernel_width);
    float *sums = dweights + (tap * f.inputs + input) * c->out_channels;
    if (at.rows.first == at.rows.end || at.columns.first == at.columns.end) {
      if (!accumulate) memset(sums, 0, inputs * c->out_channels * sizeof(float));
      continue;
    }
    const size_t u = (size_t)((ptrdiff_t)(at.rows.first * f.row_step) + at.above);
    const size_t v = (size_t)((ptrdiff_t)(at.columns.first * f.column_step) + at.before);
    const float *corner = x + (u * f.width + v) * f.channels + input;
    for (size_t block = 0; block < f.groups * blocks_of_group(&f); block++) {
      const struct block b = block_at(&f, block);
      const size_t width = b.kernel->width;
      const struct window t = {
          .length = inputs, .pixel_step = f.column_step * f.channels,
          .source_row_step = f.row_step * f.width * f.channels, .source_sample_step = f.height * f.width * f.channels,
          .gradient_step = width, .gradient_row_step = f.columns * width,
          .gradient_sample_step = f.rows * f.columns * width, .has_far_sums = 1};
      b.kernel->accumulate(
          &t, corner + b.group * f.inputs,
          packed + b.offset * pixels + (at.rows.first * f.columns + at.columns.first) * width,
          (struct pixels){c->samples, at.rows.end - at.rows.first, at.columns.end - at.columns.first},
          sums + b.group * f.outputs + b.first, c->out_channels, b.valid, accumulate ? ADD : STORE);
    }
  }
}
