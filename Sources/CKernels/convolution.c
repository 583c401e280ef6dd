// Direct convolution. A unit's input rows are copied, with zeros around them, into scratch that stays in the first-level cache;
// from there the inner loops read windows at constant distances, whatever the padding.
#include "CKernels.h"
#include "convolution_depthwise.h"
#include "convolution_phases.h"

// MARK: Units

// Units of the input's gradient follow its phase 0, which has the most rows.
static struct correlation first_phase(const struct rondo_convolution *c) {
  struct correlation first = input_phase(c, 0, 0).correlation;
  // All phases together have the kernel's taps; the patch of any of them fits into that of this one.
  first.vertical = (struct taps){0, c->kernel_height, c->dilation_height};
  first.horizontal = (struct taps){0, c->kernel_width, c->dilation_width};
  return first;
}

size_t rondo_convolution_units(const struct rondo_convolution *c) {
  const struct correlation forward = forward_correlation(c);
  return c->samples * units_of_sample(&forward);
}

size_t rondo_convolution_input_units(const struct rondo_convolution *c) {
  const struct correlation first = first_phase(c);
  return c->samples * units_of_sample(&first);
}

size_t rondo_convolution_pixels_before(const struct rondo_convolution *c, size_t unit) {
  const struct correlation forward = forward_correlation(c);
  const size_t units = units_of_sample(&forward);
  const size_t rows = least(unit % units * unit_rows(&forward), forward.rows);
  return (unit / units * forward.rows + rows) * forward.columns;
}

size_t rondo_convolution_scratch(const struct rondo_convolution *c) {
  const struct correlation forward = forward_correlation(c), first = first_phase(c);
  const size_t a = patch_floats(&forward), b = patch_floats(&first);
  return a > b ? a : b;
}

// MARK: Forward and the gradient of the input

// Where the rows of a unit go.
struct target {
  float *first;
  size_t row_step, pixel_step;  // floats
};

// Which of the vertical taps of an output row lie in the image: those above and below would meet zeros.
static struct seen taps_inside(const struct correlation *c, size_t row) {
  if (c->vertical.count == 0) return (struct seen){0, 0};
  return seen(c->vertical.count, c->vertical.step, (ptrdiff_t)(row * c->row_step) + c->vertical.first, c->height);
}

static void correlate(
    const struct correlation *c, const float *sample, size_t first_row, size_t rows, const float *packed,
    const float *bias, struct target target, enum finish finish, float *scratch) {
  const size_t taps = c->vertical.count * c->horizontal.count;
  for (size_t group = 0; group < c->groups; group++) {
    struct patch patch = {scratch, 0, 0};
    if (taps > 0) patch = patch_of(c, sample, group, first_row, rows, scratch);
    struct window t = window_of(c, &patch);
    for (size_t k = 0; k < c->outputs;) {
      const struct block_kernel *kernel = rondo_block_kernel(c->outputs - k);
      const size_t valid = least(kernel->width, c->outputs - k);
      for (size_t row = 0; row < rows; row++) {
        const struct seen taps = taps_inside(c, first_row + row);
        t.rows = taps.end - taps.first;
        kernel->correlate(
            &t, patch.first + row * t.source_row_step + taps.first * t.row_step,
            packed + taps.first * c->horizontal.count * c->inputs * kernel->width, bias, 0,
            target.first + row * target.row_step + group * c->outputs + k, target.pixel_step, c->columns, valid, finish);
      }
      if (bias) bias += kernel->width;
      packed += taps * c->inputs * kernel->width;
      k += valid;
    }
  }
}

void rondo_convolution_forward(
    const struct rondo_convolution *c, size_t first, size_t count, const float *x, const float *packed, int activation,
    int has_bias, float *y, float *z, float *scratch) {
  const struct correlation forward = forward_correlation(c);
  const int depthwise = is_depthwise(c);
  const size_t weights = depthwise ? weight_floats(c) : packed_floats(&forward);
  const float *bias = has_bias ? packed + weights : 0;
  const size_t each = unit_rows(&forward), units = units_of_sample(&forward);
  for (size_t unit = first; unit < first + count; unit++) {
    const size_t row = unit % units * each, rows = least(each, forward.rows - row);
    const size_t corner = (unit / units * forward.rows + row) * forward.columns * c->out_channels;
    const float *sample = x + unit / units * c->height * c->width * c->channels;
    if (depthwise)
      for (size_t i = 0; i < rows; i++)
        rondo_depthwise_row(c, row + i, sample, packed, bias, y + corner + i * forward.columns * c->channels);
    else
      correlate(
          &forward, sample, row, rows, packed, bias,
          (struct target){y + corner, forward.columns * c->out_channels, c->out_channels},
          activation == RONDO_RELU ? RELU : STORE, scratch);
    if (activation == RONDO_IDENTITY || (activation == RONDO_RELU && !depthwise)) continue;
    const size_t elements = rows * forward.columns * c->out_channels;
    if (z) memcpy(z + corner, y + corner, elements * sizeof(float));
    rondo_activate(activation, elements, y + corner, y + corner);
  }
}

void rondo_convolution_input_gradient(
    const struct rondo_convolution *c, size_t first, size_t count, const float *dy, const float *packed_transposed,
    float *dx, int accumulate, float *scratch) {
  const struct correlation unit_shape = first_phase(c);
  const size_t each = unit_rows(&unit_shape), units = units_of_sample(&unit_shape);
  const size_t pitch = c->width * c->channels;
  for (size_t unit = first; unit < first + count; unit++) {
    const size_t row = unit % units * each;
    const float *sample = dy + unit / units * c->out_height * c->out_width * c->out_channels;
    const float *packed = packed_transposed;
    if (is_depthwise(c)) {
      const size_t end = least((row + each) * c->stride_height, c->height);
      for (size_t i = row * c->stride_height; i < end; i++)
        rondo_depthwise_input_row(
            c, i, sample, packed, dx + (unit / units * c->height + i) * pitch, accumulate);
      continue;
    }
    for (size_t i = 0; i < c->stride_height; i++)
      for (size_t j = 0; j < c->stride_width; j++) {
        const struct correlation phase = input_phase(c, i, j).correlation;
        if (row < phase.rows && phase.columns > 0)
          correlate(
              &phase, sample, row, least(each, phase.rows - row), packed, 0,
              (struct target){
                  dx + unit / units * c->height * pitch + (row * c->stride_height + i) * pitch + j * c->channels,
                  c->stride_height * pitch, c->stride_width * c->channels},
              accumulate ? ADD : STORE, scratch);
        packed += packed_floats(&phase);
      }
  }
}
