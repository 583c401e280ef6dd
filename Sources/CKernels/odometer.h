// Walks the elements of a box in row-major order, in runs along its last axis, for two buffers with strides of their own.
#ifndef RONDO_ODOMETER_H
#define RONDO_ODOMETER_H
#include <stddef.h>

#include "dispatch.h"
#include "elementwise.h"

struct odometer {
  size_t rank;
  const ptrdiff_t *extents, *a_strides, *b_strides;
  ptrdiff_t index[RONDO_LARGEST_RANK];
  ptrdiff_t a, b;  // where the element lies in each buffer
};

RONDO_INLINE struct odometer odometer_at(
    size_t first, size_t rank, const ptrdiff_t *extents, const ptrdiff_t *a_strides, const ptrdiff_t *b_strides) {
  struct odometer place = {.rank = rank, .extents = extents, .a_strides = a_strides, .b_strides = b_strides};
  for (size_t axis = rank; axis-- > 0;) {
    place.index[axis] = (ptrdiff_t)first % extents[axis];
    first = (size_t)((ptrdiff_t)first / extents[axis]);
    place.a += place.index[axis] * a_strides[axis];
    place.b += place.index[axis] * b_strides[axis];
  }
  return place;
}

// Elements up to the end of the last axis, `left` at most.
RONDO_INLINE size_t odometer_run(const struct odometer *place, size_t left) {
  const size_t run = (size_t)(place->extents[place->rank - 1] - place->index[place->rank - 1]);
  return run < left ? run : left;
}

// Moves on by a run: to the start of the last axis, and the axes above as they overflow.
RONDO_INLINE void odometer_advance(struct odometer *place, size_t run) {
  size_t axis = place->rank - 1;
  ptrdiff_t step = (ptrdiff_t)run;
  for (;;) {
    place->index[axis] += step;
    place->a += step * place->a_strides[axis];
    place->b += step * place->b_strides[axis];
    if (place->index[axis] < place->extents[axis] || axis == 0) return;
    place->a -= place->index[axis] * place->a_strides[axis];
    place->b -= place->index[axis] * place->b_strides[axis];
    place->index[axis] = 0;
    axis--;
    step = 1;
  }
}
#endif
