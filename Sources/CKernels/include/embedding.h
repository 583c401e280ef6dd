#ifndef RONDO_EMBEDDING_H
#define RONDO_EMBEDDING_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- embedding.c --------------------------------------------------------------------------------------------------------

// y[i] = table[indices[i]], plus positions[(first + i) mod period] where there are positions. Rows have `width` elements. An index
// outside 0..<rows gives a row that is not a number: it is never read.
void rondo_embedding(
    size_t count, size_t width, const int32_t *_Nonnull indices, const float *_Nonnull table, size_t rows,
    const float *_Nullable positions, size_t first, size_t period, float *_Nonnull y);

// table[indices[i]] += dy[i] in ascending order of i, on `columns` columns of rows `width` elements apart. Indices outside are
// passed over.
void rondo_embedding_gradient(
    size_t count, size_t columns, size_t width, const int32_t *_Nonnull indices, const float *_Nonnull dy,
    float *_Nonnull table, size_t rows);

// positions[p] = (accumulate ? positions[p] : 0) + dy[p] + dy[p + period] + ... + dy[p + (repeats - 1) * period], for p in
// first..<end.
void rondo_position_gradient(
    size_t first, size_t end, size_t period, size_t repeats, size_t width, const float *_Nonnull dy,
    float *_Nonnull positions, int accumulate);

// y[b] = the mean of x[b][t] over t < lengths[b] (all `times` without lengths; clamped to 0...times; 0 of nothing).
void rondo_mean_over_time(
    size_t samples, size_t times, size_t width, const float *_Nonnull x, const int32_t *_Nullable lengths,
    float *_Nonnull y);

// dx[b][t] (+)= t < lengths[b] ? dy[b] / lengths[b] : 0
void rondo_mean_over_time_gradient(
    size_t samples, size_t times, size_t width, const float *_Nonnull dy, const int32_t *_Nullable lengths,
    float *_Nonnull dx, int accumulate);

#ifdef __cplusplus
}
#endif
#endif
