// The elementary functions over every 997th float, infinities and NaNs among them, against the C library in double precision.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "results.h"

#define STEP 997

static void logarithm(size_t n, const float *x, float *y) { rondo_unary(RONDO_UNARY_LOG, n, x, y); }
static void logarithm_of_sum(size_t n, const float *x, float *y) { rondo_unary(RONDO_UNARY_LOG1P, n, x, y); }
static void sigmoid(size_t n, const float *x, float *y) { rondo_activate(RONDO_SIGMOID, n, x, y); }
static void silu(size_t n, const float *x, float *y) { rondo_activate(RONDO_SILU, n, x, y); }
static double exact_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double exact_silu(double x) { return x / (1 + exp(-x)); }

static const struct function {
  const char *name;
  void (*of)(size_t n, const float *x, float *y);
  double (*exact)(double x);
  double bound;    // units in the last place
  double flushed;  // results below this may be 0
} functions[] = {
    {"exp", rondo_exp, exp, 2, 0x1p-126},
    {"tanh", rondo_tanh, tanh, 3, 0x1p-126},
    {"erf", rondo_erf, erf, 3, 0x1p-126},
    {"log", logarithm, log, 1, 0},
    {"log1p", logarithm_of_sum, log1p, 1, 0},
    {"sigmoid", sigmoid, exact_sigmoid, 3, 0x1p-126},
    {"silu", silu, exact_silu, 3, 0x1p-121},
};

static double error(float found, double exact, double flushed) {
  const float nearest = (float)exact;
  if (found == nearest || (isnan(found) && isnan(exact))) return 0;
  if (isnan(found) || isnan(exact)) return INFINITY;
  if (fabs(exact) < flushed && fabsf(found) < 2 * flushed) return 0;
  int exponent;
  frexpf(nearest, &exponent);
  return fabs((double)found - exact) / ldexp(1, exponent < -125 ? -149 : exponent - 24);
}

int check_elementary_functions(void) {
  const size_t count = UINT32_MAX / STEP;
  float *x = malloc(count * sizeof(float)), *y = malloc(count * sizeof(float));
  if (!x || !y) return 0;
  for (size_t i = 0; i < count; i++) {
    const uint32_t bits = (uint32_t)(i * STEP);
    memcpy(x + i, &bits, sizeof bits);
  }
  int all = 1;
  for (size_t f = 0; f < COUNT(functions); f++) {
    const struct function *function = functions + f;
    double worst = 0;
    float at = 0;
    function->of(count, x, y);
    for (size_t i = 0; i < count; i++) {
      const double far = error(y[i], function->exact((double)x[i]), function->flushed);
      if (far > worst) worst = far, at = x[i];
    }
    const int within = worst <= function->bound;
    all &= within;
    printf("%s %s: at most %.3f units in the last place, at %.9g, allowed %g\n", within ? "passed" : "FAILED", function->name, worst, (double)at, function->bound);
  }
  free(x), free(y);
  return all;
}
