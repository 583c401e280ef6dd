// Calls every kernel and writes what comes out to stdout: for each result a line "kernel case type fused plain levels floor count" and
// its bytes. With the argument "elementary": the errors of the elementary functions against double precision.
#include "results.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const size_t lengths[LENGTHS] = {0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 63, 65, 127, 129, 1003};

// MARK: Buffers

#define POOL (16 << 20)
#define MARGIN 64
#define MARK 0xa5

static _Alignas(64) unsigned char pool[POOL];
static size_t taken;
static struct { size_t first, bytes; } taken_ranges[64];
static size_t ranges;
static uint64_t state;
static char label[128], kernel[64];

static void fail(const char *what) {
  fprintf(stderr, "%s, %s: %s\n", kernel, label, what);
  exit(1);
}

static void check_margins(void) {
  size_t at = 0;
  for (size_t r = 0; r < ranges; r++) {
    for (; at < taken_ranges[r].first; at++)
      if (pool[at] != MARK) fail("wrote outside of a buffer");
    at += taken_ranges[r].bytes;
  }
  for (; at < taken; at++)
    if (pool[at] != MARK) fail("wrote outside of a buffer");
}

void begin(const char *format, ...) {
  check_margins();
  taken = ranges = 0;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(label, sizeof label, format, arguments);
  va_end(arguments);
  state = 0;
  for (const char *c = label; *c; c++) state = state * 31 + (unsigned char)*c;
}

// Aligned to no more than `alignment`.
static void *take(size_t bytes, size_t alignment) {
  const size_t first = (taken + MARGIN + 63) / 64 * 64 + alignment, end = (first + bytes + MARGIN + 63) / 64 * 64;
  if (end > POOL || ranges == COUNT(taken_ranges)) fail("no memory left for buffers");
  memset(pool + taken, MARK, end - taken);
  taken_ranges[ranges].first = first;
  taken_ranges[ranges++].bytes = bytes;
  taken = end;
  return pool + first;
}

// SplitMix64: S. Vigna, 2015.
static uint64_t draw(void) {
  uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

static float uniform(void) { return (float)(draw() >> 40) * 0x1p-22f - 2.0f; }

float *filled(size_t count, float value) {
  float *x = take(count * sizeof(float), sizeof(float));
  for (size_t i = 0; i < count; i++) x[i] = value;
  return x;
}

float *unwritten(size_t count) { return filled(count, NAN); }

float *drawn(size_t count) {
  float *x = filled(count, 0.0f);
  for (size_t i = 0; i < count; i++) x[i] = uniform();
  return x;
}

float *special(size_t count) {
  static const float values[] = {0.0f, -0.0f, 0x1p-149f, -0x1.8p-130f, 0x1p-126f, INFINITY, -INFINITY, NAN, 100.0f, -100.0f, 10.0f, -10.0f};
  float *x = drawn(count);
  for (size_t i = 0; i < count; i++)
    if (draw() % 3 == 0) x[i] = values[draw() % COUNT(values)];
  return x;
}

float *extreme(size_t count) {
  float *x = filled(count, 0.0f);
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)(draw() >> 32);
    if (draw() % 2 == 0) bits = (bits & 0xffff0000) + 0x7fff + bits % 3;
    memcpy(x + i, &bits, sizeof bits);
  }
  return x;
}

float *copy_of(const float *from, size_t count) {
  float *x = filled(count, 0.0f);
  memcpy(x, from, count * sizeof(float));
  return x;
}

double *drawn_doubles(size_t count) {
  double *x = take(count * sizeof(double), sizeof(double));
  for (size_t i = 0; i < count; i++) x[i] = (double)draw() * 0x1p-62 - 2.0;
  return x;
}

int32_t *drawn_integers(size_t count, int32_t first, int32_t end) {
  int32_t *x = take(count * sizeof(int32_t), sizeof(int32_t));
  for (size_t i = 0; i < count; i++) x[i] = first + (int32_t)(draw() % (uint64_t)(end - first));
  return x;
}

uint16_t *extreme_halves(size_t count) {
  uint16_t *x = take(count * sizeof(uint16_t), sizeof(uint16_t));
  for (size_t i = 0; i < count; i++) x[i] = (uint16_t)draw();
  return x;
}

// MARK: Results

void calling(const char *name) { snprintf(kernel, sizeof kernel, "%s", name); }

static void header(char type, struct demand d, size_t count) {
  printf("%s %s %c %d %d %d %a %zu\n", kernel, label, type, d.fused, d.plain, d.levels, d.floor, count);
}

void result(const float *x, size_t count, struct demand demand) {
  header('f', demand, count);
  fwrite(x, sizeof(float), count, stdout);
}

void result_doubles(const double *x, size_t count, struct demand demand) {
  header('d', demand, count);
  fwrite(x, sizeof(double), count, stdout);
}

void result_bytes(const void *x, size_t bytes, struct demand demand) {
  header('b', demand, bytes);
  fwrite(x, 1, bytes, stdout);
}

void result_count(size_t count, struct demand demand) {
  const uint64_t wide = count;
  result_bytes(&wide, sizeof wide, demand);
}

void same(const float *a, const float *b, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (memcmp(a + i, b + i, sizeof(float)) != 0 && !(isnan(a[i]) && isnan(b[i]))) fail("other bits in pieces than as a whole");
}

int main(int count, char **arguments) {
  if (count > 1 && strcmp(arguments[1], "elementary") == 0) return !check_elementary_functions();
  call_activations();
  call_arithmetic();
  call_attention();
  call_convolution();
  call_elementwise();
  call_embedding();
  call_losses();
  call_normalization();
  call_optimizers();
  call_pooling();
  call_reductions();
  begin("end");
  return ferror(stdout) != 0 || fflush(stdout) != 0;
}
