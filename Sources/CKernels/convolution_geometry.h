// The geometry that the drivers of a convolution share: windows, units of work, and patches of input with zeros around them.
#ifndef RONDO_CONVOLUTION_GEOMETRY_H
#define RONDO_CONVOLUTION_GEOMETRY_H
#include <string.h>

#include "convolution.h"
#include "convolution_window.h"
#include "dispatch.h"

// Positions first, first + step, ...
struct taps {
  ptrdiff_t first;
  size_t count, step;
};

// What forward and the gradient of the input have in common: each output pixel (i, j) is a sum over source pixels
// (i row_step + vertical tap, j column_step + horizontal tap) of a product with the tap's matrix inputs x outputs.
struct correlation {
  size_t rows, columns;
  size_t height, width, channels;
  size_t row_step, column_step;
  struct taps vertical, horizontal;
  size_t groups, inputs, outputs;
};

RONDO_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }
RONDO_INLINE size_t quotient_up(size_t a, size_t b) { return (a + b - 1) / b; }
RONDO_INLINE size_t at_least_one(size_t a) { return a > 1 ? a : 1; }
// The largest of as many parts of `count` as there must be of at most `most`, if they are as equal as can be.
RONDO_INLINE size_t equal_parts(size_t count, size_t most) { return quotient_up(count, quotient_up(count, most)); }
RONDO_INLINE size_t extent(size_t count, size_t step) { return count == 0 ? 0 : (count - 1) * step + 1; }

// Those of `count` positions offset, offset + step, ... that lie in 0 ..< extent: first ..< end.
struct seen {
  size_t first, end;
};

RONDO_INLINE struct seen seen(size_t count, size_t step, ptrdiff_t offset, size_t extent) {
  const ptrdiff_t last = (ptrdiff_t)extent - 1 - offset;
  const size_t end = last < 0 ? 0 : least(count, (size_t)last / step + 1);
  const size_t first = offset < 0 ? quotient_up((size_t)-offset, step) : 0;
  return (struct seen){least(first, end), end};
}

RONDO_INLINE struct correlation forward_correlation(const struct rondo_convolution *c) {
  return (struct correlation){
      .rows = c->out_height, .columns = c->out_width,
      .height = c->height, .width = c->width, .channels = c->channels,
      .row_step = c->stride_height, .column_step = c->stride_width,
      .vertical = {-(ptrdiff_t)c->padding_top, c->kernel_height, c->dilation_height},
      .horizontal = {-(ptrdiff_t)c->padding_left, c->kernel_width, c->dilation_width},
      .groups = c->groups, .inputs = c->channels / c->groups, .outputs = c->out_channels / c->groups};
}

RONDO_INLINE size_t weight_floats(const struct rondo_convolution *c) {
  return c->kernel_height * c->kernel_width * (c->channels / c->groups) * c->out_channels;
}

// Floats of a unit's patch: a quarter of a first-level cache, beside the weights and the results.
#define PATCH 4096

RONDO_INLINE size_t patch_columns(const struct correlation *c) {
  return (c->columns - 1) * c->column_step + extent(c->horizontal.count, c->horizontal.step);
}

RONDO_INLINE size_t patch_rows(const struct correlation *c, size_t rows) {
  return (rows - 1) * c->row_step + extent(c->vertical.count, c->vertical.step);
}

RONDO_INLINE size_t unit_rows(const struct correlation *c) {
  size_t rows = 1;
  while (rows < c->rows && patch_rows(c, rows + 1) * patch_columns(c) * c->inputs <= PATCH) rows++;
  return equal_parts(c->rows, rows);
}

RONDO_INLINE size_t units_of_sample(const struct correlation *c) { return quotient_up(c->rows, unit_rows(c)); }

RONDO_INLINE size_t patch_floats(const struct correlation *c) {
  return patch_rows(c, unit_rows(c)) * patch_columns(c) * c->inputs;
}

// A block of output channels of one group: `valid` from `first` on, of the kernel's width.
struct block {
  const struct block_kernel *kernel;
  size_t group, first, valid;
  size_t offset;  // of its first channel, if those of every block before it fill whole widths
};

RONDO_INLINE size_t blocks_of_group(const struct correlation *c) {
  size_t blocks = 0;
  for (size_t k = 0; k < c->outputs; blocks++) k += rondo_block_kernel(c->outputs - k)->width;
  return blocks;
}

// Of all blocks of all groups.
RONDO_INLINE struct block block_at(const struct correlation *c, size_t index) {
  const size_t blocks = blocks_of_group(c);
  struct block b = {.group = index / blocks};
  size_t width = 0;
  for (size_t i = 0, k = 0; k < c->outputs; i++) {
    const struct block_kernel *kernel = rondo_block_kernel(c->outputs - k);
    if (i == index % blocks) {
      b.kernel = kernel;
      b.first = k;
      b.valid = least(kernel->width, c->outputs - k);
      b.offset = width;
    }
    width += kernel->width;
    k += kernel->width;
  }
  b.offset += b.group * width;
  return b;
}

// Channels of one group, if its blocks fill whole widths.
RONDO_INLINE size_t packed_width(const struct correlation *c) {
  const struct block last = block_at(c, blocks_of_group(c) - 1);
  return last.offset + last.kernel->width;
}

RONDO_INLINE size_t packed_floats(const struct correlation *c) {
  return c->groups * c->vertical.count * c->horizontal.count * c->inputs * packed_width(c);
}

// The source rows that a unit reads, of one group.
struct patch {
  const float *first;
  size_t row_step, pixel_step;  // floats
};

RONDO_INLINE void copy_pixels(size_t count, const float *from, size_t step, size_t inputs, float *to) {
  if (step == inputs) {
    memcpy(to, from, count * inputs * sizeof(float));
    return;
  }
  for (size_t i = 0; i < count; i++) memcpy(to + i * inputs, from + i * step, inputs * sizeof(float));
}

// In place where no window leaves the image, otherwise a copy in `scratch` with zeros around it.
RONDO_INLINE struct patch patch_of(
    const struct correlation *c, const float *sample, size_t group, size_t first_row, size_t rows, float *scratch) {
  const ptrdiff_t top = (ptrdiff_t)(first_row * c->row_step) + c->vertical.first, left = c->horizontal.first;
  const size_t height = patch_rows(c, rows), width = patch_columns(c);
  const float *source = sample + group * c->inputs;
  if (top >= 0 && left >= 0 && (size_t)top + height <= c->height && (size_t)left + width <= c->width)
    return (struct patch){
        source + ((size_t)top * c->width + (size_t)left) * c->channels, c->width * c->channels, c->channels};
  const size_t lead = left >= 0 ? 0 : least((size_t)-left, width);
  const size_t start = left >= 0 ? (size_t)left : 0;
  const size_t inside = start < c->width ? least(width - lead, c->width - start) : 0;
  float *to = scratch;
  for (size_t i = 0; i < height; i++, to += width * c->inputs) {
    const ptrdiff_t y = top + (ptrdiff_t)i;
    if (y < 0 || (size_t)y >= c->height || inside == 0) {
      memset(to, 0, width * c->inputs * sizeof(float));
      continue;
    }
    memset(to, 0, lead * c->inputs * sizeof(float));
    copy_pixels(
        inside, source + ((size_t)y * c->width + start) * c->channels, c->channels, c->inputs, to + lead * c->inputs);
    memset(to + (lead + inside) * c->inputs, 0, (width - lead - inside) * c->inputs * sizeof(float));
  }
  return (struct patch){scratch, width * c->inputs, c->inputs};
}

RONDO_INLINE struct window window_of(const struct correlation *c, const struct patch *p) {
  struct window t = {
      .rows = c->vertical.count, .row_step = c->vertical.step * p->row_step,
      .runs = c->horizontal.count, .run_step = c->horizontal.step * p->pixel_step, .length = c->inputs,
      .pixel_step = c->column_step * p->pixel_step, .source_row_step = c->row_step * p->row_step};
  if (t.runs > 0 && t.run_step == t.length) {  // neighbouring taps lie together
    t.length *= t.runs;
    t.runs = 1;
  }
  return t;
}
#endif
