// Direct convolution. A unit's input rows are copied, with zeros around them, into scratch that stays in the first-level cache;
// from there the inner loops read windows at constant distances, whatever the padding.
#include "CKernels.h"
#include "convolution_geometry.h"

// MARK: The gradient of the input as correlations

static size_t common_divisor(size_t a, size_t b) { return b == 0 ? a : common_divisor(b, a % b); }

// The taps of the gradient at input positions phase, phase + stride, ...: output position o meets input position
// o stride + a dilation - padding, so a is one of every stride / gcd(stride, dilation), or none is.
struct phase_taps {
  struct taps taps;           // of output positions, from tap `last` downwards
  size_t last, kernel_step;   // kernel positions last, last - kernel_step, ...
};

static struct phase_taps taps_of_phase(size_t phase, size_t stride, size_t dilation, size_t padding, size_t kernel) {
  const size_t divisor = common_divisor(stride, dilation);
  struct phase_taps found = {{0, 0, dilation / divisor}, 0, stride / divisor};
  for (size_t a = 0; a < kernel; a++) {
    const ptrdiff_t position = (ptrdiff_t)(phase + padding) - (ptrdiff_t)(a * dilation);
    if (position % (ptrdiff_t)stride != 0) continue;
    found.taps.count++;
    found.taps.first = position / (ptrdiff_t)stride;  // the last a has the lowest position
    found.last = a;
  }
  return found;
}

struct phase {
  struct correlation correlation;
  struct phase_taps vertical, horizontal;
};

static size_t positions_of_phase(size_t length, size_t phase, size_t stride) {
  return length > phase ? quotient_up(length - phase, stride) : 0;
}

static struct phase input_phase(const struct rondo_convolution *c, size_t row, size_t column) {
  struct phase p = {
      .vertical = taps_of_phase(row, c->stride_height, c->dilation_height, c->padding_top, c->kernel_height),
      .horizontal = taps_of_phase(column, c->stride_width, c->dilation_width, c->padding_left, c->kernel_width)};
  p.correlation = (struct correlation){
      .rows = positions_of_phase(c->height, row, c->stride_height),
      .columns = positions_of_phase(c->width, column, c->stride_width),
      .height = c->out_height, .width = c->out_width, .channels = c->out_channels,
      .row_step = 1, .column_step = 1,
      .vertical = p.vertical.taps, .horizontal = p.horizontal.taps,
      .groups = c->groups, .inputs = c->out_channels / c->groups, .outputs = c->channels / c->groups};
  return p;
}

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
  // The gradient of the weights also copies a unit's output gradient where its channels do not fill vectors.
  const size_t gradient = unit_rows(&forward) * forward.columns * 32;
  const size_t a = (patch_floats(&forward) + 15) / 16 * 16 + gradient, b = patch_floats(&first);
  return a > b ? a : b;
}

// MARK: Weights

static size_t packed_width(size_t outputs) {
  size_t width = 0;
  for (size_t k = 0; k < outputs;) {
    const size_t block = rondo_block_kernel(outputs - k)->width;
    width += block;
    k += least(block, outputs - k);
  }
  return width;
}

static size_t packed_floats(const struct correlation *c) {
  return c->groups * c->vertical.count * c->horizontal.count * c->inputs * packed_width(c->outputs);
}

size_t rondo_convolution_packed(const struct rondo_convolution *c) {
  const struct correlation forward = forward_correlation(c);
  return packed_floats(&forward) + c->groups * packed_width(forward.outputs);
}

size_t rondo_convolution_packed_transposed(const struct rondo_convolution *c) {
  return c->groups * c->kernel_height * c->kernel_width * (c->out_channels / c->groups)
         * packed_width(c->channels / c->groups);
}

// `terms` rows of out_channels floats in blocks of channels.
static float *pack_rows(const struct rondo_convolution *c, size_t terms, const float *rows, float *packed) {
  const size_t outputs = c->out_channels / c->groups;
  for (size_t group = 0; group < c->groups; group++)
    for (size_t k = 0; k < outputs;) {
      const size_t width = rondo_block_kernel(outputs - k)->width, valid = least(width, outputs - k);
      const float *from = rows + group * outputs + k;
      for (size_t term = 0; term < terms; term++, from += c->out_channels, packed += width) {
        memcpy(packed, from, valid * sizeof(float));
        memset(packed + valid, 0, (width - valid) * sizeof(float));
      }
      k += valid;
    }
  return packed;
}

void rondo_convolution_pack(
    const struct rondo_convolution *c, const float *weights, const float *bias, float *packed) {
  packed = pack_rows(c, c->kernel_height * c->kernel_width * (c->channels / c->groups), weights, packed);
  if (bias) pack_rows(c, 1, bias, packed);
}

static float *pack_phase(
    const struct rondo_convolution *c, const struct phase *p, const float *weights, float *packed) {
  const size_t inputs = p->correlation.inputs, outputs = p->correlation.outputs;
  for (size_t group = 0; group < c->groups; group++)
    for (size_t first = 0; first < outputs;) {
      const size_t width = rondo_block_kernel(outputs - first)->width, valid = least(width, outputs - first);
      for (size_t m = 0; m < p->vertical.taps.count; m++)
        for (size_t n = 0; n < p->horizontal.taps.count; n++) {
          const size_t a = p->vertical.last - m * p->vertical.kernel_step;
          const size_t b = p->horizontal.last - n * p->horizontal.kernel_step;
          const float *tap = weights + ((a * c->kernel_width + b) * outputs + first) * c->out_channels + group * inputs;
          for (size_t k = 0; k < inputs; k++, packed += width) {
            for (size_t i = 0; i < valid; i++) packed[i] = tap[i * c->out_channels + k];
            memset(packed + valid, 0, (width - valid) * sizeof(float));
          }
        }
      first += valid;
    }
  return packed;
}

void rondo_convolution_pack_transposed(const struct rondo_convolution *c, const float *weights, float *packed) {
  for (size_t row = 0; row < c->stride_height; row++)
    for (size_t column = 0; column < c->stride_width; column++) {
      const struct phase p = input_phase(c, row, column);
      packed = pack_phase(c, &p, weights, packed);
    }
}

// MARK: Forward and the gradient of the input

// Where the rows of a unit go.
struct target {
  float *first;
  size_t row_step, pixel_step;  // floats
};

static void correlate(
    const struct correlation *c, const float *sample, size_t first_row, size_t rows, const float *packed,
    const float *bias, struct target target, enum finish finish, float *scratch) {
  const size_t taps = c->vertical.count * c->horizontal.count;
  for (size_t group = 0; group < c->groups; group++) {
    struct patch patch = {scratch, 0, 0};
    if (taps > 0) patch = patch_of(c, sample, group, first_row, rows, scratch);
    const struct window t = window_of(c, &patch);
    for (size_t k = 0; k < c->outputs;) {
      const struct block_kernel *kernel = rondo_block_kernel(c->outputs - k);
      const size_t valid = least(kernel->width, c->outputs - k);
      for (size_t row = 0; row < rows; row++)
        kernel->correlate(
            &t, patch.first + row * t.source_row_step, packed, bias,
            target.first + row * target.row_step + group * c->outputs + k, target.pixel_step, c->columns, valid, finish);
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
  const float *bias = has_bias ? packed + packed_floats(&forward) : 0;
  const size_t each = unit_rows(&forward), units = units_of_sample(&forward);
  for (size_t unit = first; unit < first + count; unit++) {
    const size_t row = unit % units * each, rows = least(each, forward.rows - row);
    const size_t corner = (unit / units * forward.rows + row) * forward.columns * c->out_channels;
    const float *sample = x + unit / units * c->height * c->width * c->channels;
    correlate(
        &forward, sample, row, rows, packed, bias,
        (struct target){y + corner, forward.columns * c->out_channels, c->out_channels},
        activation == RONDO_RELU ? RELU : STORE, scratch);
    if (activation == RONDO_RELU || activation == RONDO_IDENTITY) continue;
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
