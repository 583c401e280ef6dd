// The inner loops of a convolution for one width of output channels. Included once for each width and instruction set, with
//   NAME(x)   x with a suffix of its own
//   TARGET    the function attribute that selects the instruction set
//   LANES, VECTORS   floats of a vector and vectors of a block: LANES * VECTORS output channels
//   PIXELS, TERMS    rows of the two register tiles: at most PIXELS * VECTORS or TERMS * VECTORS sums, held in registers

typedef float NAME(vector) __attribute__((vector_size(LANES * 4)));
typedef float NAME(memory) __attribute__((vector_size(LANES * 4), aligned(4), may_alias));

typedef int NAME(bits) __attribute__((vector_size(LANES * 4)));

#define WIDTH (LANES * VECTORS)
#define UNROLL _Pragma("clang loop unroll(full)")

// P neighbouring output pixels. Each input is broadcast and meets WIDTH weights.
TARGET static inline __attribute__((always_inline)) void NAME(pixels)(
    const size_t P, const struct window *t, const float *source, const float *weights, const float *start,
    size_t start_step, float *out, size_t out_step, size_t valid, enum finish finish) {
  NAME(vector) sum[PIXELS][VECTORS];
  UNROLL for (size_t p = 0; p < P; p++)
    UNROLL for (size_t v = 0; v < VECTORS; v++)
      sum[p][v] = start ? *(const NAME(memory) *)(start + p * start_step + v * LANES) : (NAME(vector)){0};
  const size_t step = t->pixel_step, length = t->length;
  for (size_t row = 0; row < t->rows; row++) {
    fetch_ahead(&t->ahead, row);
    for (size_t run = 0; run < t->runs; run++) {
      const float *s = source + row * t->row_step + run * t->run_step;
      for (size_t j = 0; j < length; j++, weights += WIDTH) {
        NAME(vector) w[VECTORS];
        UNROLL for (size_t v = 0; v < VECTORS; v++) w[v] = *(const NAME(memory) *)(weights + v * LANES);
        UNROLL for (size_t p = 0; p < P; p++)
          UNROLL for (size_t v = 0; v < VECTORS; v++) sum[p][v] += s[p * step + j] * w[v];
      }
    }
  }
  UNROLL for (size_t p = 0; p < P; p++) {
    float *to = out + p * out_step;
    if (finish == RELU)  // max with 0; NaN stays NaN
      UNROLL for (size_t v = 0; v < VECTORS; v++)
        sum[p][v] = (NAME(vector))(~(sum[p][v] <= (NAME(vector)){0}) & (NAME(bits))sum[p][v]);
    if (valid == WIDTH) {
      UNROLL for (size_t v = 0; v < VECTORS; v++) {
        NAME(memory) *q = (NAME(memory) *)(to + v * LANES);
        *q = finish == ADD ? *q + sum[p][v] : sum[p][v];
      }
    } else {
      float last[WIDTH];
      UNROLL for (size_t v = 0; v < VECTORS; v++) *(NAME(memory) *)(last + v * LANES) = sum[p][v];
      if (finish == ADD)
        for (size_t k = 0; k < valid; k++) last[k] += to[k];
      copy_some(valid, last, to);
    }
  }
}

// One row of output pixels, in parts of about equal length.
TARGET static void NAME(correlate)(
    const struct window *t, const float *source, const float *weights, const float *start, size_t start_step, float *out,
    size_t out_step, size_t columns, size_t valid, enum finish finish) {
  const size_t parts = (columns + PIXELS - 1) / PIXELS;
  for (size_t part = 0; part < parts; part++) {
    const size_t first = columns * part / parts;
    const float *s = source + first * t->pixel_step;
    const float *from = start ? start + first * start_step : 0;
    float *to = out + first * out_step;
    switch (columns * (part + 1) / parts - first) {
#define PART(P) case P: NAME(pixels)(P, t, s, weights, from, start_step, to, out_step, valid, finish); break;
      EACH_PART(PIXELS)
#undef PART
    }
  }
}

// J neighbouring inputs of a window: source[j] * gradient over all pixels, in their order, becomes sums[j] or is added to it.
TARGET static inline __attribute__((always_inline)) void NAME(terms)(
    const size_t J, const struct window *t, const float *source, const float *gradient, struct pixels pixels, float *sums,
    size_t sums_step, size_t valid, enum finish finish) {
  // The sums' lines come while pixels are added up.
  if (t->has_far_sums)
    UNROLL for (size_t j = 0; j < J; j++)
      UNROLL for (size_t v = 0; v < VECTORS; v++) __builtin_prefetch(sums + j * sums_step + v * LANES, 1);
  // A few terms alone would wait for their own sums: several pixels then have sums of their own.
  const size_t U = TERMS / J >= 4 ? 4 : TERMS / J >= 2 ? 2 : 1;
  NAME(vector) sum[TERMS][VECTORS];
  UNROLL for (size_t j = 0; j < U * J; j++) UNROLL for (size_t v = 0; v < VECTORS; v++) sum[j][v] = (NAME(vector)){0};
  const size_t pixel = t->pixel_step, step = t->gradient_step;
  for (size_t sample = 0; sample < pixels.samples; sample++)
    for (size_t row = 0; row < pixels.rows; row++) {
      const float *s = source + sample * t->source_sample_step + row * t->source_row_step;
      const float *d = gradient + sample * t->gradient_sample_step + row * t->gradient_row_step;
      size_t p = 0;
      for (; p + U <= pixels.columns; p += U)
        UNROLL for (size_t u = 0; u < U; u++, s += pixel, d += step) {
          NAME(vector) g[VECTORS];
          UNROLL for (size_t v = 0; v < VECTORS; v++) g[v] = *(const NAME(memory) *)(d + v * LANES);
          UNROLL for (size_t j = 0; j < J; j++)
            UNROLL for (size_t v = 0; v < VECTORS; v++) sum[u * J + j][v] += s[j] * g[v];
        }
      for (; p < pixels.columns; p++, s += pixel, d += step) {
        NAME(vector) g[VECTORS];
        UNROLL for (size_t v = 0; v < VECTORS; v++) g[v] = *(const NAME(memory) *)(d + v * LANES);
        UNROLL for (size_t j = 0; j < J; j++) UNROLL for (size_t v = 0; v < VECTORS; v++) sum[j][v] += s[j] * g[v];
      }
    }
  UNROLL for (size_t j = 0; j < J; j++) {
    UNROLL for (size_t u = 1; u < U; u++) UNROLL for (size_t v = 0; v < VECTORS; v++) sum[j][v] += sum[u * J + j][v];
    float *to = sums + j * sums_step;
    if (valid == WIDTH) {
      UNROLL for (size_t v = 0; v < VECTORS; v++) {
        NAME(memory) *q = (NAME(memory) *)(to + v * LANES);
        *q = finish == ADD ? *q + sum[j][v] : sum[j][v];
      }
    } else {
      float last[WIDTH];
      UNROLL for (size_t v = 0; v < VECTORS; v++) *(NAME(memory) *)(last + v * LANES) = sum[j][v];
      if (finish == ADD)
        for (size_t k = 0; k < valid; k++) last[k] += to[k];
      copy_some(valid, last, to);
    }
  }
}

// A run of inputs in parts of about equal length.
TARGET static void NAME(accumulate)(
    const struct window *t, const float *source, const float *gradient, struct pixels pixels, float *sums,
    size_t sums_step, size_t valid, enum finish finish) {
  const size_t parts = (t->length + TERMS - 1) / TERMS;
  for (size_t part = 0; part < parts; part++) {
    const size_t first = t->length * part / parts;
    const float *s = source + first;
    float *to = sums + first * sums_step;
    switch (t->length * (part + 1) / parts - first) {
#define PART(J) case J: NAME(terms)(J, t, s, gradient, pixels, to, sums_step, valid, finish); break;
      EACH_PART(TERMS)
#undef PART
    }
  }
}

#undef UNROLL
#undef WIDTH
#undef NAME
#undef LANES
#undef VECTORS
#undef PIXELS
#undef TERMS
