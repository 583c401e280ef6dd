// The gradient of the input as correlations: with a stride, one for each remainder of the input's position, its phase.
#ifndef RONDO_CONVOLUTION_PHASES_H
#define RONDO_CONVOLUTION_PHASES_H
#include "convolution_geometry.h"

RONDO_INLINE size_t common_divisor(size_t a, size_t b) {
  while (b != 0) {
    const size_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

// The taps of the gradient at input positions phase, phase + stride, ...: output position o meets input position
// o stride + a dilation - padding, so a is one of every stride / gcd(stride, dilation), or none is.
struct phase_taps {
  struct taps taps;           // of output positions, from tap `last` downwards
  size_t last, kernel_step;   // kernel positions last, last - kernel_step, ...
};

RONDO_INLINE struct phase_taps taps_of_phase(size_t phase, size_t stride, size_t dilation, size_t padding, size_t kernel) {
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

RONDO_INLINE size_t positions_of_phase(size_t length, size_t phase, size_t stride) {
  return length > phase ? quotient_up(length - phase, stride) : 0;
}

RONDO_INLINE struct phase input_phase(const struct rondo_convolution *c, size_t row, size_t column) {
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
#endif
