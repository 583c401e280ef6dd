// Losses and their gradients: of the rows of a matrix against labels, and of elements against targets.
#ifndef RONDO_LOSSES_H
#define RONDO_LOSSES_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// --- Softmax cross-entropy ----------------------------------------------------------------------------------------------

// What a row's softmax is compared with: the distribution (1 - smoothing) [c = label] + smoothing / columns, each class counting
// with its weight.
struct rondo_class_targets {
  float smoothing;
  const float *_Nullable weights;  // one a column; null: all 1
  int has_ignored;                 // rows whose label is `ignored` have loss 0 and no gradient
  int32_t ignored;
};

// For each row r of logits (rows x columns), with log p = log softmax(logits[r]) and y = labels[r]:
// losses[r] = -(1 - smoothing) w[y] log p[y] - smoothing / columns * sum over c of w[c] log p[c].
// statistics[2r] is the row's maximum, statistics[2r + 1] is 1 / sum over c of exp(logits[r][c] - maximum): what the gradient needs.
// A label outside 0..<columns gives a NaN loss: it is never read as an index.
void rondo_softmax_cross_entropy(
    size_t rows, size_t columns, const float *_Nonnull logits, const int32_t *_Nonnull labels,
    const struct rondo_class_targets *_Nonnull targets, float *_Nonnull losses, float *_Nonnull statistics);

// d[r][c] = dlosses[r] * the derivative of losses[r] by logits[r][c], added to d with accumulate; without it d and logits may be the
// same. NaN for a label outside 0..<columns.
void rondo_softmax_cross_entropy_gradient(
    size_t rows, size_t columns, const float *_Nonnull logits, const int32_t *_Nonnull labels,
    const struct rondo_class_targets *_Nonnull targets, const float *_Nonnull statistics,
    const float *_Nonnull dlosses, float *_Nonnull d, int accumulate);

// --- Losses of elements -------------------------------------------------------------------------------------------------

// f(x, t) of a prediction x and its target t, with two constants a and b.
enum rondo_element_loss_kind {
  RONDO_SQUARED_ERROR = 0,         // (x - t)^2
  RONDO_ABSOLUTE_ERROR = 1,        // |x - t|
  RONDO_HUBER = 2,                 // with e = |x - t|: e <= a ? e^2 / 2 : a (e - a / 2)
  RONDO_BINARY_CROSS_ENTROPY = 3,  // a t softplus(-x) + (1 - t) softplus(x), softplus(x) = log(1 + e^x)
  // t focal(a, x) + (1 - t) focal(1 - a, -x), focal(w, z) = w sigmoid(-z)^b softplus(-z)
  RONDO_FOCAL = 4,
};

// losses[r] = sum over c of f(x[r][c], target[r][c]) / columns
void rondo_element_loss(
    int loss, float a, float b, size_t rows, size_t columns, const float *_Nonnull x, const float *_Nonnull target,
    float *_Nonnull losses);

// d[r][c] = dlosses[r] / columns * df/dx, or df/dt with of_target, added to d with accumulate; without it d and x or target may be
// the same.
void rondo_element_loss_gradient(
    int loss, float a, float b, size_t rows, size_t columns, const float *_Nonnull x, const float *_Nonnull target,
    const float *_Nonnull dlosses, int of_target, float *_Nonnull d, int accumulate);

#ifdef __cplusplus
}
#endif
#endif
