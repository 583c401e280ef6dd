// The body of attention.c for one instruction set: vectors of LANES floats, register tiles of ROWS rows by VECTORS vectors. The
// including file defines those, TARGET and NAME; they are undefined at the end, for the next inclusion.
//
// Words: a panel is a run of keys, a block a run of queries, a strip a run of WIDTH columns.

#define WIDTH (LANES * VECTORS)
#define VECTOR NAME(vector)
typedef float VECTOR __attribute__((vector_size(4 * LANES), aligned(4)));

#define AT(x) (*(VECTOR *)(x))
#define LOADED(x) (*(const VECTOR *)(x))

// c[r][...] = (adds ? c[r][...] : 0) + sum over p < depth of a(r, p) b[p][...], on ROWS rows and `vectors` vectors of columns.
// a(r, p) is a[r * stride + p], or a[r + p * stride] with `across`.
RONDO_INLINE void NAME(register_tile)(
    const int vectors, const int across, size_t depth, const float *a, size_t stride, const float *b, size_t ldb,
    float *c, size_t ldc, int adds) {
  VECTOR sum[ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (int r = 0; r < ROWS; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) sum[r][v] = adds ? AT(c + (size_t)r * ldc + v * LANES) : (VECTOR){0};
  for (size_t p = 0; p < depth; p++) {
    VECTOR row[VECTORS];
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) row[v] = LOADED(b + p * ldb + v * LANES);
#pragma clang loop unroll(full)
    for (int r = 0; r < ROWS; r++) {
      const float x = across ? a[(size_t)r + p * stride] : a[(size_t)r * stride + p];
#pragma clang loop unroll(full)
      for (int v = 0; v < vectors; v++) sum[r][v] += x * row[v];
    }
  }
#pragma clang loop unroll(full)
  for (int r = 0; r < ROWS; r++)
#pragma clang loop unroll(full)
    for (int v = 0; v < vectors; v++) AT(c + (size_t)r * ldc + v * LANES) = sum[r][v];
}

// The same on `columns` columns, a multiple of LANES and at most WIDTH.
RONDO_INLINE void NAME(tile)(
    size_t columns, const int across, size_t depth, const float *a, size_t stride, const float *b, size_t ldb,
    float *c, size_t ldc, int adds) {
  switch (columns / LANES) {
#if VECTORS == 4
    case 4: NAME(register_tile)(4, across, depth, a, stride, b, ldb, c, ldc, adds); break;
    case 3: NAME(register_tile)(3, across, depth, a, stride, b, ldb, c, ldc, adds); break;
#endif
    case 2: NAME(register_tile)(2, across, depth, a, stride, b, ldb, c, ldc, adds); break;
    default: NAME(register_tile)(1, across, depth, a, stride, b, ldb, c, ldc, adds); break;
  }
}

// The same on all `columns` columns of row-major b and c, both with leading dimension ld.
TARGET static void NAME(rows_by_depth)(
    size_t columns, size_t depth, const float *a, size_t stride, const float *b, float *c, size_t ld, int adds) {
  for (size_t first = 0; first < columns; first += WIDTH)
    NAME(tile)(least(WIDTH, columns - first), 0, depth, a, stride, b + first, ld, c + first, ld, adds);
}

TARGET static void NAME(columns_by_depth)(
    size_t columns, size_t depth, const float *a, size_t stride, const float *b, float *c, size_t ld) {
  for (size_t first = 0; first < columns; first += WIDTH)
    NAME(tile)(least(WIDTH, columns - first), 1, depth, a, stride, b + first, ld, c + first, ld, 1);
}

// y = scale * x row by row, the columns padded with zeros to `padded`, the rows to `tall`.
RONDO_INLINE void NAME(pack_rows)(
    size_t rows, size_t tall, size_t columns, size_t padded, float scale, const float *x, size_t stride, float *y) {
  for (size_t r = 0; r < rows; r++, y += padded) {
    const float *in = x + r * stride;
    PREFETCH_ROW(in + AHEAD * stride, columns);
    for (size_t c = 0; c < columns; c++) y[c] = scale * in[c];
    for (size_t c = columns; c < padded; c++) y[c] = 0.0f;
  }
  for (size_t i = 0; i < (tall - rows) * padded; i++) y[i] = 0.0f;
}

// Transposes x in strips of WIDTH rows: y[strip][c][r]. Rows are padded with zeros to whole strips.
RONDO_INLINE void NAME(pack_transposed)(size_t rows, size_t columns, const float *x, size_t stride, float *y) {
  typedef float four __attribute__((vector_size(16), aligned(4)));
  for (size_t first = 0; first < rows; first += WIDTH, y += columns * WIDTH) {
    const size_t here = least(WIDTH, rows - first);
    size_t r = 0;
    for (; r + 4 <= here; r += 4) {
      const float *in = x + (first + r) * stride;
      for (size_t i = 0; i < 4; i++) PREFETCH_ROW(in + (AHEAD + i) * stride, columns);
      size_t c = 0;
      for (; c + 4 <= columns; c += 4) {
        const four a = *(const four *)(in + c), b = *(const four *)(in + stride + c);
        const four d = *(const four *)(in + 2 * stride + c), e = *(const four *)(in + 3 * stride + c);
        const four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5), de = __builtin_shufflevector(d, e, 0, 4, 1, 5);
        const four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7), de2 = __builtin_shufflevector(d, e, 2, 6, 3, 7);
        *(four *)(y + c * WIDTH + r) = __builtin_shufflevector(ab, de, 0, 1, 4, 5);
        *(four *)(y + (c + 1) * WIDTH + r) = __builtin_shufflevector(ab, de, 2, 3, 6, 7);
        *(four *)(y + (c + 2) * WIDTH + r) = __builtin_shufflevector(ab2, de2, 0, 1, 4, 5);
        *(four *)(y + (c + 3) * WIDTH + r) = __builtin_shufflevector(ab2, de2, 2, 3, 6, 7);
      }
      for (; c < columns; c++)
        for (size_t i = 0; i < 4; i++) y[c * WIDTH + r + i] = in[i * stride + c];
    }
    for (; r < here; r++)
      for (size_t c = 0; c < columns; c++) y[c * WIDTH + r] = x[(first + r) * stride + c];
    for (size_t c = 0; here < WIDTH && c < columns; c++)
      for (size_t pad = here; pad < WIDTH; pad++) y[c * WIDTH + pad] = 0.0f;
  }
}

// A block of queries and a panel of keys that meet.
struct NAME(meeting) {
  const struct rondo_attention *job;
  size_t row, rows;   // queries
  size_t key, count;  // keys
  size_t padded;      // columns of a head, up to a multiple of LANES
};

#define SCORE_STRIDE (LARGEST_PANEL + 16)

// Columns of the scores of the register tile at row r of a block that are computed: up to the last key that its last row sees.
RONDO_INLINE size_t NAME(tile_reach)(const struct NAME(meeting) *m, size_t r) {
  return reach(m->job, m->row + least(r + ROWS, m->rows) - 1, m->key, m->count);
}

// scores = a b, where a is a block of packed rows and b a panel of transposed strips.
TARGET static void NAME(scores)(
    const struct NAME(meeting) *m, const float *a, const float *transposed, float *scores) {
  for (size_t first = 0; first < m->count; first += WIDTH)
    for (size_t r = 0; r < m->rows; r += ROWS) {
      const size_t columns = up(NAME(tile_reach)(m, r), LANES);
      if (columns <= first) continue;
      NAME(tile)(
          least(WIDTH, columns - first), 0, m->job->width, a + r * m->padded, m->padded,
          transposed + first * m->job->width, WIDTH, scores + r * SCORE_STRIDE + first, SCORE_STRIDE, 0);
    }
}

// Zeros in rows that pad a block to whole tiles, and right of the computed columns as far as register tiles of keys reach.
RONDO_INLINE void NAME(clear_margin)(const struct NAME(meeting) *m, float *scores) {
  for (size_t r = 0; r < up(m->rows, ROWS); r++) {
    const size_t columns = up(NAME(tile_reach)(m, r / ROWS * ROWS), LANES);
    for (size_t c = r < m->rows ? columns : 0; c < columns + ROWS; c++) scores[r * SCORE_STRIDE + c] = 0.0f;
  }
}

RONDO_INLINE float NAME(largest)(size_t columns, const float *x) {
  VECTOR top = LOADED(x);
  for (size_t c = LANES; c < columns; c += LANES) top = __builtin_elementwise_max(top, LOADED(x + c));
  float result = top[0];
  for (int l = 1; l < LANES; l++) result = top[l] > result ? top[l] : result;
  return result;
}

// Turns a row's scores into exponentials relative to the largest score so far. The row's state is the logarithm of the sum of
// exponentials, in lse. Returns how the old output and the new sum of values are weighted.
struct NAME(weights) { float old, added; };

RONDO_INLINE struct NAME(weights) NAME(soften)(size_t columns, size_t seen, int first, float *x, float *lse) {
  const float below = first ? -__builtin_inff() : *lse;
  for (size_t c = seen; c < columns; c++) x[c] = -__builtin_inff();
  const float found = NAME(largest)(columns, x);
  const float top = found > below ? found : (found == found ? below : found);
  float sum = 0.0f;
  for (size_t c = 0; c < columns; c++) {
    const float e = rondo_expf(x[c] - top);
    x[c] = e;
    sum += e;
  }
  const float before = first ? 0.0f : rondo_expf(below - top);
  const float whole = before + sum;
  *lse = top + logf(whole);
  return (struct NAME(weights)){before / whole, 1.0f / whole};
}

TARGET static void NAME(forward)(const struct rondo_attention *job, float *o, size_t o_stride, float *lse) {
  _Alignas(64) float transposed[PANEL + LARGEST_HEAD * WIDTH];
  _Alignas(64) float values[PANEL];
  _Alignas(64) float queries[BLOCK * LARGEST_HEAD];
  _Alignas(64) float sums[BLOCK * LARGEST_HEAD];
  _Alignas(64) float scores[BLOCK * SCORE_STRIDE];
  const size_t width = job->width, padded = up(width, LANES), panel = panel_keys(padded);
  struct NAME(meeting) m = {.job = job, .padded = padded};

  for (m.key = 0; m.key < job->seen; m.key += panel) {
    m.count = least(panel, job->seen - m.key);
    NAME(pack_transposed)(m.count, width, job->k + m.key * job->k_stride, job->k_stride, transposed);
    NAME(pack_rows)(
        m.count, m.count, width, padded, 1.0f, job->v + m.key * job->v_stride, job->v_stride, values);
    for (m.row = 0; m.row < job->queries; m.row += BLOCK) {
      m.rows = least(BLOCK, job->queries - m.row);
      if (reach(job, m.row + m.rows - 1, m.key, m.count) == 0) continue;
      NAME(pack_rows)(
          m.rows, up(m.rows, ROWS), width, padded, job->scale, job->q + m.row * job->q_stride, job->q_stride, queries);
      NAME(scores)(&m, queries, transposed, scores);
      NAME(clear_margin)(&m, scores);
      struct NAME(weights) weights[BLOCK];
      for (size_t r = 0; r < m.rows; r++) {
        float *x = scores + r * SCORE_STRIDE;
        const size_t columns = up(NAME(tile_reach)(&m, r / ROWS * ROWS), LANES);
        const size_t seen = reach(job, m.row + r, m.key, m.count);
        weights[r] = (struct NAME(weights)){1.0f, 0.0f};
        if (seen > 0)
          weights[r] = NAME(soften)(columns, seen, m.key == 0, x, lse + m.row + r);
        else
          for (size_t c = 0; c < columns; c++) x[c] = 0.0f;
      }
      for (size_t r = 0; r < m.rows; r += ROWS)
        NAME(rows_by_depth)(
            padded, NAME(tile_reach)(&m, r), scores + r * SCORE_STRIDE, SCORE_STRIDE, values, sums + r * padded,
            padded, 0);
      for (size_t r = 0; r < m.rows; r++) {
        float *out = o + (m.row + r) * o_stride;
        PREFETCH_ROW(out + AHEAD * o_stride, width);
        const float *sum = sums + r * padded;
        const struct NAME(weights) w = weights[r];
        if (m.key == 0)
          for (size_t c = 0; c < width; c++) out[c] = w.added * sum[c];
        else
          for (size_t c = 0; c < width; c++) out[c] = w.old * out[c] + w.added * sum[c];
      }
    }
  }
  if (job->seen == 0)  // no key at all: the empty sum, whose probabilities backward finds to be 0
    for (size_t r = 0; r < job->queries; r++) {
      for (size_t c = 0; c < width; c++) o[r * o_stride + c] = 0.0f;
      lse[r] = __builtin_inff();
    }
}

// target[r][c] = (accumulates ? target[r][c] : 0) + scale * x[r][c]
RONDO_INLINE void NAME(deliver)(
    const struct rondo_attention_gradient *target, size_t first, size_t rows, size_t columns, float scale, const float *x,
    size_t ldx, int accumulates) {
  for (size_t r = 0; r < rows; r++) {
    float *out = target->to + (first + r) * target->stride;
    const float *in = x + r * ldx;
    PREFETCH_ROW(out + AHEAD * target->stride, columns);
    if (accumulates)
      for (size_t c = 0; c < columns; c++) out[c] += scale * in[c];
    else
      for (size_t c = 0; c < columns; c++) out[c] = scale * in[c];
  }
}

// Rows for which nothing was computed.
RONDO_INLINE void NAME(deliver_nothing)(
    const struct rondo_attention_gradient *target, size_t first, size_t end, size_t columns) {
  if (!target || target->accumulates) return;
  for (size_t r = first; r < end; r++)
    for (size_t c = 0; c < columns; c++) target->to[r * target->stride + c] = 0.0f;
}

// scores -> P = exp(S - lse) in place; slopes = dO Vᵀ -> dS = P (slopes - delta) in place. The margins stay 0.
RONDO_INLINE void NAME(differentiate_rows)(
    const struct NAME(meeting) *m, const float *lse, const float *delta, float *scores, float *slopes) {
  for (size_t r = 0; r < m->rows; r++) {
    float *p = scores + r * SCORE_STRIDE;
    float *s = slopes + r * SCORE_STRIDE;
    const float shift = lse[m->row + r], mean = delta[r];
    const size_t columns = up(NAME(tile_reach)(m, r / ROWS * ROWS), LANES);
    const size_t seen = reach(m->job, m->row + r, m->key, m->count);
    for (size_t c = 0; c < seen; c++) {
      p[c] = rondo_expf(p[c] - shift);
      s[c] = p[c] * (s[c] - mean);
    }
    for (size_t c = seen; c < columns; c++) p[c] = s[c] = 0.0f;
  }
}

// The first of a block's rows that sees key k of the panel.
RONDO_INLINE size_t NAME(first_row)(const struct NAME(meeting) *m, size_t k) {
  const size_t key = m->key + k, row = m->row + m->job->offset;
  return m->job->causal && key > row ? key - row : 0;
}

TARGET static void NAME(backward)(
    const struct rondo_attention *job, const float *o, const float *d_o, size_t o_stride, const float *lse,
    const struct rondo_attention_gradient *dq, const struct rondo_attention_gradient *dk,
    const struct rondo_attention_gradient *dv) {
  _Alignas(64) float transposed_keys[PANEL + LARGEST_HEAD * WIDTH];
  _Alignas(64) float transposed_values[PANEL + LARGEST_HEAD * WIDTH];
  _Alignas(64) float keys[PANEL];
  _Alignas(64) float key_sums[PANEL + ROWS * LARGEST_HEAD];
  _Alignas(64) float value_sums[PANEL + ROWS * LARGEST_HEAD];
  _Alignas(64) float queries[BLOCK * LARGEST_HEAD];
  _Alignas(64) float slopes_of_output[BLOCK * LARGEST_HEAD];
  _Alignas(64) float query_sums[BLOCK * LARGEST_HEAD];
  _Alignas(64) float scores[BLOCK * SCORE_STRIDE];
  _Alignas(64) float slopes[BLOCK * SCORE_STRIDE];
  float delta[BLOCK];
  const size_t width = job->width, padded = up(width, LANES), panel = panel_keys(padded);
  struct NAME(meeting) m = {.job = job, .padded = padded};

  for (m.key = 0; m.key < job->seen; m.key += panel) {
    m.count = least(panel, job->seen - m.key);
    NAME(pack_transposed)(m.count, width, job->k + m.key * job->k_stride, job->k_stride, transposed_keys);
    NAME(pack_transposed)(m.count, width, job->v + m.key * job->v_stride, job->v_stride, transposed_values);
    NAME(pack_rows)(m.count, m.count, width, padded, 1.0f, job->k + m.key * job->k_stride, job->k_stride, keys);
    memset(key_sums, 0, sizeof(float) * padded * up(m.count, ROWS));
    memset(value_sums, 0, sizeof(float) * padded * up(m.count, ROWS));
    for (m.row = 0; m.row < job->queries; m.row += BLOCK) {
      m.rows = least(BLOCK, job->queries - m.row);
      const size_t reached = reach(job, m.row + m.rows - 1, m.key, m.count), tall = up(m.rows, ROWS);
      if (reached == 0) continue;
      NAME(pack_rows)(
          m.rows, tall, width, padded, job->scale, job->q + m.row * job->q_stride, job->q_stride, queries);
      NAME(pack_rows)(m.rows, tall, width, padded, 1.0f, d_o + m.row * o_stride, o_stride, slopes_of_output);
      for (size_t r = 0; r < m.rows; r++) {
        const float *out = o + (m.row + r) * o_stride, *d_out = slopes_of_output + r * padded;
        PREFETCH_ROW(out + AHEAD * o_stride, width);
        float sum = 0.0f;
        for (size_t c = 0; c < width; c++) sum += out[c] * d_out[c];
        delta[r] = sum;
      }
      NAME(scores)(&m, queries, transposed_keys, scores);
      NAME(scores)(&m, slopes_of_output, transposed_values, slopes);
      NAME(clear_margin)(&m, scores);
      NAME(clear_margin)(&m, slopes);
      NAME(differentiate_rows)(&m, lse, delta, scores, slopes);
      for (size_t k = 0; k < reached; k += ROWS) {
        const size_t r = NAME(first_row)(&m, k);
        const size_t depth = m.rows - r, at = r * SCORE_STRIDE + k;
        NAME(columns_by_depth)(
            padded, depth, scores + at, SCORE_STRIDE, slopes_of_output + r * padded, value_sums + k * padded, padded);
        NAME(columns_by_depth)(
            padded, depth, slopes + at, SCORE_STRIDE, queries + r * padded, key_sums + k * padded, padded);
      }
      if (!dq) continue;
      for (size_t r = 0; r < m.rows; r += ROWS)
        NAME(rows_by_depth)(
            padded, NAME(tile_reach)(&m, r), slopes + r * SCORE_STRIDE, SCORE_STRIDE, keys, query_sums + r * padded,
            padded, 0);
      NAME(deliver)(dq, m.row, m.rows, width, job->scale, query_sums, padded, dq->accumulates || m.key > 0);
    }
    if (dk) NAME(deliver)(dk, m.key, m.count, width, 1.0f, key_sums, padded, dk->accumulates);
    if (dv) NAME(deliver)(dv, m.key, m.count, width, 1.0f, value_sums, padded, dv->accumulates);
  }
  if (job->seen == 0) NAME(deliver_nothing)(dq, 0, job->queries, width);
  NAME(deliver_nothing)(dk, job->seen, job->keys, width);
  NAME(deliver_nothing)(dv, job->seen, job->keys, width);
}

#undef SCORE_STRIDE
#undef LOADED
#undef AT
#undef VECTOR
#undef WIDTH
#undef ROWS
#undef VECTORS
#undef LANES
#undef TARGET
#undef NAME
