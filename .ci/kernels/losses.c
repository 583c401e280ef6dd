#include "results.h"

// Differences of numbers up to 2. Which of their products fuse is the compiler's choice.
#define CLOSE WITHIN(8, 2.0f)

static void call_cross_entropy(size_t columns, float smoothing, int weighted) {
  const size_t rows = 7;
  begin("columns-%zu-smoothing-%g-%d", columns, (double)smoothing, weighted);
  const float *logits = drawn(rows * columns), *weights = drawn(columns), *dlosses = drawn(rows);
  const int32_t *labels = drawn_integers(rows, -1, (int32_t)columns + 1);
  const struct rondo_class_targets targets = {smoothing, weighted ? weights : NULL, weighted, 0};
  float *losses = unwritten(rows), *statistics = unwritten(2 * rows);
  CALL(rondo_softmax_cross_entropy, rows, columns, logits, labels, &targets, losses, statistics);
  result(losses, rows, CLOSE);
  result(statistics, 2 * rows, WITHIN(4, 0.0f));
  for (int adds = 0; adds < 2; adds++) {
    float *d = drawn(rows * columns);
    CALL(rondo_softmax_cross_entropy_gradient, rows, columns, logits, labels, &targets, statistics, dlosses, d, adds);
    result(d, rows * columns, CLOSE);
  }
}

static void call_element_loss(int loss, size_t columns) {
  const size_t rows = 9;
  const float a = loss == RONDO_FOCAL ? 0.25f : 0.8f, b = 2.0f;
  begin("loss-%d-columns-%zu", loss, columns);
  const float *x = drawn(rows * columns), *target = drawn(rows * columns), *dlosses = drawn(rows);
  float *losses = unwritten(rows);
  CALL(rondo_element_loss, loss, a, b, rows, columns, x, target, losses);
  result(losses, rows, CLOSE);
  for (int way = 0; way < 4; way++) {
    float *d = drawn(rows * columns);
    CALL(rondo_element_loss_gradient, loss, a, b, rows, columns, x, target, dlosses, way & 1, d, way >> 1);
    result(d, rows * columns, CLOSE);
  }
}

void call_losses(void) {
  const size_t widths[] = {1, 2, 10, 16, 17, 40};
  for (size_t w = 0; w < COUNT(widths); w++) {
    for (int way = 0; way < 4; way++) call_cross_entropy(widths[w], way & 1 ? 0.1f : 0.0f, way >> 1);
    for (int loss = RONDO_SQUARED_ERROR; loss <= RONDO_FOCAL; loss++) call_element_loss(loss, widths[w]);
  }
  begin("special");
  const size_t columns = 19;
  const float *logits = special(columns), *dlosses = drawn(1);
  const int32_t label = 3;
  const struct rondo_class_targets targets = {0};
  float *losses = unwritten(1), *statistics = unwritten(2), *d = unwritten(columns);
  CALL(rondo_softmax_cross_entropy, 1, columns, logits, &label, &targets, losses, statistics);
  result(losses, 1, CLOSE);
  CALL(rondo_softmax_cross_entropy_gradient, 1, columns, logits, &label, &targets, statistics, dlosses, d, 0);
  result(d, columns, CLOSE);
}
