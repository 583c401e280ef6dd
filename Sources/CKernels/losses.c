#include "CKernels.h"
#include "elementary.h"

// Sums and maxima run over LANES columns at a time, column c in lane c mod LANES, and then over the lanes as a binary tree: one
// order, whatever the width of the machine's vectors. What is left of a row goes through a block of its own, so that rows of a
// few classes are computed as vectors too.
#define LANES 16
#define FOR_LANES for (size_t l = 0; l < LANES; l++)
typedef float lanes __attribute__((ext_vector_type(LANES), aligned(sizeof(float))));

// The lanes' values at an address, and a place for them.
#define AT(address) (*(const lanes *)(address))
#define STORE(address, value) (*(lanes *)(address) = (value))

RONDO_INLINE size_t smaller(size_t a, size_t b) { return a < b ? a : b; }

RONDO_INLINE float sum_of_lanes(float *x) {
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t l = 0; l < half; l++) x[l] += x[l + half];
  return x[0];
}

// block = x[0], ..., x[count - 1], then padding. `readable` elements may be read at x: where that is a whole block, no branch is needed.
RONDO_INLINE void load(float *restrict block, const float *restrict x, size_t count, size_t readable, float padding) {
  if (readable >= LANES) {
    FOR_LANES {
      const float value = x[l];
      block[l] = l < count ? value : padding;
    }
  } else {
    FOR_LANES block[l] = padding;
#pragma clang loop vectorize(disable)
    for (size_t l = 0; l < count; l++) block[l] = x[l];
  }
}

// --- Softmax cross-entropy ----------------------------------------------------------------------------------------------

// A NaN is not larger than anything, but stays one in the sum of exponentials.
RONDO_INLINE float maximum(size_t columns, size_t readable, const float *x) {
  lanes top = -__builtin_inff();
  size_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    const lanes value = AT(x + c);
    top = value > top ? value : top;
  }
  float block[LANES];
  if (c < columns) {
    load(block, x + c, columns - c, readable - c, -__builtin_inff());
    const lanes value = AT(block);
    top = value > top ? value : top;
  }
  STORE(block, top);
  for (size_t half = LANES / 2; half > 0; half /= 2)
    for (size_t l = 0; l < half; l++) block[l] = block[l + half] > block[l] ? block[l + half] : block[l];
  return block[0];
}

// The padding's exponential is 0, and NaN only in a row of -infinities, whose softmax is NaN anyway.
RONDO_INLINE float sum_of_exponentials(size_t columns, size_t readable, const float *x, float top) {
  lanes sum = 0.0f;
  float block[LANES];
  size_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    FOR_LANES block[l] = rondo_expf(x[c + l] - top);
    sum += AT(block);
  }
  if (c < columns) {
    load(block, x + c, columns - c, readable - c, -__builtin_inff());
    FOR_LANES block[l] = rondo_expf(block[l] - top);
    sum += AT(block);
  }
  STORE(block, sum);
  return sum_of_lanes(block);
}

// Sum over c of weights[c] (x[c] - top); weights may be null: all 1.
RONDO_INLINE float weighted_sum(size_t columns, const float *weights, const float *x, float top) {
  lanes sum = 0.0f;
  float block[LANES], weight[LANES];
  FOR_LANES weight[l] = 1.0f;
  for (size_t c = 0; c < columns; c += LANES) {
    const size_t count = smaller(columns - c, LANES);
    load(block, x + c, count, columns - c, top);
    if (weights) load(weight, weights + c, count, columns - c, 0.0f);
    FOR_LANES block[l] = l < count ? weight[l] * (block[l] - top) : 0.0f;
    sum += AT(block);
  }
  STORE(block, sum);
  return sum_of_lanes(block);
}

RONDO_INLINE float total(size_t columns, const float *weights) {
  lanes sum = 0.0f;
  float block[LANES];
  if (!weights) return (float)columns;
  for (size_t c = 0; c < columns; c += LANES) {
    load(block, weights + c, smaller(columns - c, LANES), columns - c, 0.0f);
    sum += AT(block);
  }
  STORE(block, sum);
  return sum_of_lanes(block);
}

RONDO_KERNEL void rondo_softmax_cross_entropy(
    size_t rows, size_t columns, const float *logits, const int32_t *labels, const struct rondo_class_targets *targets,
    float *losses, float *statistics) {
  const float smoothing = targets->smoothing;
  const float all = smoothing > 0.0f ? total(columns, targets->weights) : 0.0f;
  for (size_t r = 0; r < rows; r++) {
    const float *x = logits + r * columns;
    const size_t readable = (rows - r) * columns;
    statistics[2 * r] = maximum(columns, readable, x);
    losses[r] = sum_of_exponentials(columns, readable, x, statistics[2 * r]);
  }
  for (size_t r = 0; r < rows; r++) {
    statistics[2 * r + 1] = 1.0f / losses[r];
    losses[r] = rondo_logf(losses[r]);
  }
  for (size_t r = 0; r < rows; r++) {
    const float *x = logits + r * columns;
    const int32_t label = labels[r];
    const float top = statistics[2 * r], log_sum = losses[r];
    if (targets->has_ignored && label == targets->ignored) {
      losses[r] = 0.0f;
    } else if (label < 0 || (size_t)label >= columns) {
      losses[r] = __builtin_nanf("");
    } else {
      const float weight = targets->weights ? targets->weights[label] : 1.0f;
      losses[r] = (1.0f - smoothing) * weight * (log_sum - (x[label] - top));
      if (smoothing > 0.0f) {
        const float spread = all * log_sum - weighted_sum(columns, targets->weights, x, top);
        losses[r] += smoothing / (float)columns * spread;
      }
    }
  }
}

// With p = softmax and W the sum of all weights, the derivative by logit c is
// ((1 - smoothing) w[y] + smoothing W / columns) p[c] - smoothing / columns w[c] - (1 - smoothing) w[y] [c = y].
RONDO_INLINE void gradient_of_row(
    size_t columns, size_t readable, const float *x, float top, float factor, float base, const float *weights,
    float *d, int accumulate) {
  float block[LANES], shift[LANES];
  FOR_LANES shift[l] = base;
  size_t c = 0;
  for (; c + LANES <= columns; c += LANES) {
    if (weights) FOR_LANES shift[l] = base * weights[c + l];
    FOR_LANES block[l] = factor * rondo_expf(x[c + l] - top) - shift[l];
    STORE(d + c, accumulate ? AT(d + c) + AT(block) : AT(block));
  }
  if (c == columns) return;
  const size_t count = columns - c;
  load(block, x + c, count, readable - c, -__builtin_inff());
  if (weights) {
    load(shift, weights + c, count, count, 0.0f);
    FOR_LANES shift[l] *= base;
  }
  FOR_LANES block[l] = factor * rondo_expf(block[l] - top) - shift[l];
#pragma clang loop vectorize(disable)
  for (size_t l = 0; l < count; l++) d[c + l] = accumulate ? d[c + l] + block[l] : block[l];
}

RONDO_KERNEL void rondo_softmax_cross_entropy_gradient(
    size_t rows, size_t columns, const float *logits, const int32_t *labels, const struct rondo_class_targets *targets,
    const float *statistics, const float *dlosses, float *d, int accumulate) {
  const float smoothing = targets->smoothing;
  const float share = smoothing / (float)columns;
  const float all = smoothing > 0.0f ? total(columns, targets->weights) : 0.0f;
  for (size_t r = 0; r < rows; r++) {
    const float *x = logits + r * columns;
    float *out = d + r * columns;
    const int32_t label = labels[r];
    if (targets->has_ignored && label == targets->ignored) {
      if (!accumulate)
        for (size_t c = 0; c < columns; c++) out[c] = 0.0f;
      continue;
    }
    if (label < 0 || (size_t)label >= columns) {
      for (size_t c = 0; c < columns; c++) out[c] = __builtin_nanf("");
      continue;
    }
    const float weight = (1.0f - smoothing) * (targets->weights ? targets->weights[label] : 1.0f);
    const float factor = dlosses[r] * (weight + share * all) * statistics[2 * r + 1];
    const float *weights = smoothing > 0.0f ? targets->weights : NULL;
    gradient_of_row(
        columns, (rows - r) * columns, x, statistics[2 * r], factor, dlosses[r] * share, weights, out, accumulate);
    out[label] -= dlosses[r] * weight;
  }
}

// --- Losses of elements -------------------------------------------------------------------------------------------------

// log(1 + e^x)
RONDO_INLINE float softplus(float x) {
  return (x > 0.0f ? x : 0.0f) + rondo_log1pf(rondo_expf(-rondo_absolute(x)));
}

RONDO_INLINE float sign(float x) { return x > 0.0f ? 1.0f : (x < 0.0f ? -1.0f : 0.0f * x); }

// w (1 - p)^b (-log p) with p = sigmoid(z), so that log(1 - p) = -softplus(z).
RONDO_INLINE float focal(float w, float b, float z) { return w * rondo_expf(-b * softplus(z)) * softplus(-z); }

RONDO_INLINE float focal_slope(float w, float b, float z) {
  const float miss = rondo_sigmoidf(-z);
  return -w * rondo_expf(-b * softplus(z)) * (miss + b * rondo_sigmoidf(z) * softplus(-z));
}

RONDO_INLINE float loss_value(int loss, float a, float b, float x, float t) {
  const float e = x - t;
  const float size = rondo_absolute(e);
  switch (loss) {
    case RONDO_ABSOLUTE_ERROR: return size;
    case RONDO_HUBER: return size <= a ? 0.5f * e * e : a * (size - 0.5f * a);
    case RONDO_BINARY_CROSS_ENTROPY: return a * t * softplus(-x) + (1.0f - t) * softplus(x);
    case RONDO_FOCAL: return t * focal(a, b, x) + (1.0f - t) * focal(1.0f - a, b, -x);
    default: return e * e;
  }
}

RONDO_INLINE float loss_slope(int loss, float a, float b, float x, float t, int of_target) {
  const float e = x - t;
  const float outward = of_target ? -1.0f : 1.0f;  // by t, a function of x - t has the opposite slope
  switch (loss) {
    case RONDO_ABSOLUTE_ERROR: return outward * sign(e);
    case RONDO_HUBER: return outward * (rondo_absolute(e) <= a ? e : a * sign(e));
    case RONDO_BINARY_CROSS_ENTROPY:
      if (of_target) return a * softplus(-x) - softplus(x);
      return (1.0f - t) * rondo_sigmoidf(x) - a * t * rondo_sigmoidf(-x);
    case RONDO_FOCAL:
      if (of_target) return focal(a, b, x) - focal(1.0f - a, b, -x);
      return t * focal_slope(a, b, x) - (1.0f - t) * focal_slope(1.0f - a, b, -x);
    default: return outward * 2.0f * e;
  }
}

// `loss` is a constant in each call of a body below, so that each loop is compiled for its own function and vectorises.
#define FOR_EACH_LOSS(loss, call)                                                 \
  switch (loss) {                                                                 \
    case RONDO_ABSOLUTE_ERROR: call(RONDO_ABSOLUTE_ERROR); break;                 \
    case RONDO_HUBER: call(RONDO_HUBER); break;                                   \
    case RONDO_BINARY_CROSS_ENTROPY: call(RONDO_BINARY_CROSS_ENTROPY); break;     \
    case RONDO_FOCAL: call(RONDO_FOCAL); break;                                   \
    default: call(RONDO_SQUARED_ERROR); break;                                    \
  }

RONDO_INLINE void element_loss_body(
    int loss, float a, float b, size_t rows, size_t columns, const float *x, const float *target,
    float *restrict losses) {
  if (columns == 1) {
    for (size_t r = 0; r < rows; r++) losses[r] = loss_value(loss, a, b, x[r], target[r]);
    return;
  }
  const float inverse = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float *predicted = x + r * columns, *wanted = target + r * columns;
    lanes sum = 0.0f;
    float value[LANES], t[LANES];
    size_t c = 0;
    for (; c + LANES <= columns; c += LANES) {
      FOR_LANES value[l] = loss_value(loss, a, b, predicted[c + l], wanted[c + l]);
      sum += AT(value);
    }
    if (c < columns) {
      const size_t count = columns - c, readable = (rows - r) * columns - c;
      load(value, predicted + c, count, readable, 0.0f);
      load(t, wanted + c, count, readable, 0.0f);
      FOR_LANES value[l] = loss_value(loss, a, b, value[l], t[l]);
      FOR_LANES value[l] = l < count ? value[l] : 0.0f;
      sum += AT(value);
    }
    STORE(value, sum);
    losses[r] = sum_of_lanes(value) * inverse;
  }
}

RONDO_KERNEL void rondo_element_loss(
    int loss, float a, float b, size_t rows, size_t columns, const float *x, const float *target, float *losses) {
#define CALL(kind) element_loss_body(kind, a, b, rows, columns, x, target, losses)
  FOR_EACH_LOSS(loss, CALL)
#undef CALL
}

// d may be x or target: an element is read before it is written, and by nobody else.
RONDO_INLINE void element_loss_gradient_body(
    int loss, float a, float b, size_t rows, size_t columns, const float *x, const float *target,
    const float *dlosses, int of_target, float *d, int accumulate) {
  if (columns == 1) {
#pragma clang loop vectorize(assume_safety)
    for (size_t r = 0; r < rows; r++) {
      const float g = dlosses[r] * loss_slope(loss, a, b, x[r], target[r], of_target);
      d[r] = accumulate ? d[r] + g : g;
    }
    return;
  }
  const float inverse = 1.0f / (float)columns;
  for (size_t r = 0; r < rows; r++) {
    const float scale = dlosses[r] * inverse;
    const size_t first = r * columns;
#pragma clang loop vectorize(assume_safety)
    for (size_t i = first; i < first + columns; i++) {
      const float g = scale * loss_slope(loss, a, b, x[i], target[i], of_target);
      d[i] = accumulate ? d[i] + g : g;
    }
  }
}

RONDO_KERNEL void rondo_element_loss_gradient(
    int loss, float a, float b, size_t rows, size_t columns, const float *x, const float *target,
    const float *dlosses, int of_target, float *d, int accumulate) {
#define CALL(kind)                                                                                                 \
  of_target ? element_loss_gradient_body(kind, a, b, rows, columns, x, target, dlosses, 1, d, accumulate)         \
            : element_loss_gradient_body(kind, a, b, rows, columns, x, target, dlosses, 0, d, accumulate)
  FOR_EACH_LOSS(loss, CALL)
#undef CALL
}
