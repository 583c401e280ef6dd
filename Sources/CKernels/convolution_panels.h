// Where a block's weights lie, and how weights and gradients come to lie side by side, as the inner loops read them.
#ifndef RONDO_CONVOLUTION_PANELS_H
#define RONDO_CONVOLUTION_PANELS_H
#include "convolution_phases.h"

// Channels of the widest block of any machine.
#define WIDEST_BLOCK 32

// `count` rows of a block's channels, `step` floats apart, filled up to whole vectors.
void rondo_pack_rows(const struct block *b, size_t count, const float *rows, size_t step, float *packed);

// `count` columns of rows of a block's channels, `step` floats apart: each becomes a row, filled up to whole vectors.
void rondo_pack_columns(const struct block *b, size_t count, const float *rows, size_t step, float *packed);

// Where the weights of a block lie, from input `first` of tap (m, n) on, in rows of out_channels floats: a row for each input.
RONDO_INLINE const float *tap_weights(
    const struct rondo_convolution *c, const struct correlation *f, const struct block *b, size_t m, size_t n, size_t first,
    const float *weights) {
  const size_t term = (m * c->kernel_width + n) * f->inputs + first;
  return weights + term * c->out_channels + b->group * f->outputs + b->first;
}

// The same of the taps of a phase, which are taken backwards, with inputs and outputs exchanged: a row for each channel of the block.
RONDO_INLINE const float *phase_tap_weights(
    const struct rondo_convolution *c, const struct phase *p, const struct block *b, size_t m, size_t n, size_t first,
    const float *weights) {
  const size_t i = p->vertical.last - m * p->vertical.kernel_step, j = p->horizontal.last - n * p->horizontal.kernel_step;
  const size_t term = (i * c->kernel_width + j) * p->correlation.outputs + b->first;
  return weights + term * c->out_channels + b->group * p->correlation.inputs + first;
}
#endif
