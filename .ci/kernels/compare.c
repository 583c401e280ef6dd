// compare MODE NAME=FILE NAME=FILE: the results of two builds, as results.c writes them, under the demands for fused, plain or levels.
// A line for each kernel with what it may be apart and what it is; then the names of those that were called. Exit status 1: one was too far.
#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record {
  char kernel[64], label[128], type;
  int demands[3];
  float floor;
  size_t count;
  unsigned char *data;
};

static void *checked(void *memory) {
  if (memory) return memory;
  fprintf(stderr, "no memory\n");
  exit(2);
}

// Whether there is one more.
static int next(FILE *file, const char *name, struct record *r) {
  const int found = fscanf(
      file, "%63s %127s %c %d %d %d %f %zu", r->kernel, r->label, &r->type, r->demands, r->demands + 1, r->demands + 2, &r->floor,
      &r->count);
  if (found == EOF) return 0;
  const size_t size = r->type == 'f' ? 4 : r->type == 'd' ? 8 : 1;
  if (found != 8 || fgetc(file) != '\n') {
    fprintf(stderr, "%s is no file of results\n", name);
    exit(2);
  }
  r->data = checked(realloc(r->data, r->count * size + 1));
  if (fread(r->data, size, r->count, file) != r->count) {
    fprintf(stderr, "%s ends too early\n", name);
    exit(2);
  }
  return 1;
}

static double element(const struct record *r, size_t i) {
  float narrow;
  double wide;
  if (r->type == 'b') return r->data[i];
  if (r->type == 'd') return memcpy(&wide, r->data + 8 * i, 8), wide;
  return memcpy(&narrow, r->data + 4 * i, 4), (double)narrow;
}

// The unit in the last place of a float: of doubles too, which are sums of floats where they need not be the same.
static double unit(double x) {
  int exponent;
  frexp(x, &exponent);
  return ldexp(1.0, exponent < -125 ? -149 : exponent - 24);
}

static double largest(const struct record *r) {
  double most = 0;
  for (size_t i = 0; i < r->count; i++) {
    const double size = fabs(element(r, i));
    if (isfinite(size) && size > most) most = size;
  }
  return most;
}

// In units in the last place; infinity where one is NaN or infinite and the other is not, and where zeros differ in sign under a demand
// for the same bits.
static double distance(const struct record *a, const struct record *b, size_t i, double floor, int bits) {
  const double x = element(a, i), y = element(b, i);
  if (isnan(x) || isnan(y)) return isnan(x) && isnan(y) ? 0 : INFINITY;
  if (x == y) return bits && signbit(x) != signbit(y) ? INFINITY : 0;
  if (a->type == 'b' || isinf(x) || isinf(y)) return INFINITY;
  return fabs(x - y) / unit(fmax(fmax(fabs(x), fabs(y)), floor));
}

static char names[256][64];
static double worst[256];
static int most[256], wrong[256], compared[256];
static size_t kernels;

static size_t index_of(const char *kernel) {
  for (size_t k = 0; k < kernels; k++)
    if (strcmp(names[k], kernel) == 0) return k;
  if (kernels == 256) exit(2);
  strcpy(names[kernels], kernel);
  return kernels++;
}

static void compare(const struct record *a, const struct record *b, int mode) {
  const int demand = a->demands[mode];
  const size_t kernel = index_of(a->kernel);
  if (demand < 0) return;
  compared[kernel]++;
  if (demand > most[kernel]) most[kernel] = demand;
  const double floor = a->floor >= 0 ? (double)a->floor : fmax(largest(a), largest(b));
  size_t at = 0;
  double far = 0;
  if (a->count != b->count) far = INFINITY;
  for (size_t i = 0; a->count == b->count && i < a->count; i++) {
    const double d = distance(a, b, i, floor, demand == 0);
    if (d > far) far = d, at = i;
  }
  if (far > worst[kernel]) worst[kernel] = far;
  if (far <= demand) return;
  if (wrong[kernel]++ < 3)
    printf(
        "%s, %s: element %zu of %zu is %.9g in one and %.9g in the other, %g units in the last place apart\n", a->kernel, a->label, at,
        a->count, a->count ? element(a, at) : 0, b->count ? element(b, at) : 0, far);
}

int main(int count, char **arguments) {
  static const char *const modes[] = {"fused", "plain", "levels"};
  int mode = 0, failed = 0;
  if (count != 4) return 2;
  while (mode < 3 && strcmp(modes[mode], arguments[1]) != 0) mode++;
  FILE *one = fopen(arguments[2], "rb"), *other = fopen(arguments[3], "rb");
  if (mode == 3 || !one || !other) return 2;
  struct record a = {.data = NULL}, b = {.data = NULL};
  int more, also;
  while (more = next(one, arguments[2], &a), also = next(other, arguments[3], &b), more && also) {
    if (strcmp(a.kernel, b.kernel) != 0 || strcmp(a.label, b.label) != 0 || a.type != b.type) {
      fprintf(stderr, "other results in %s than in %s\n", arguments[3], arguments[2]);
      return 2;
    }
    compare(&a, &b, mode);
  }
  if (more || also) {
    fprintf(stderr, "fewer results in one of %s and %s\n", arguments[2], arguments[3]);
    return 2;
  }
  for (size_t k = 0; k < kernels; k++) {
    if (compared[k]) printf("%s %s: apart %g, allowed %d\n", wrong[k] ? "FAILED" : "passed", names[k], worst[k], most[k]);
    else printf("passed %s: not to be compared\n", names[k]);
    failed |= wrong[k] != 0;
  }
  free(a.data), free(b.data), fclose(one), fclose(other);
  return failed;
}
