// The inner loops for each instruction set, with as many sums as it has registers for, and the choice among them.
#include "convolution_window.h"
#include "dispatch.h"

// PART(1) to PART(most), for the sizes of register tiles in use.
#define PARTS_4 PART(1) PART(2) PART(3) PART(4)
#define PARTS_6 PARTS_4 PART(5) PART(6)
#define PARTS_8 PARTS_6 PART(7) PART(8)
#define PARTS_12 PARTS_8 PART(9) PART(10) PART(11) PART(12)
#define PARTS_14 PARTS_12 PART(13) PART(14)
#define PARTS_16 PARTS_14 PART(15) PART(16)
#define EACH_PART(most) EACH_PART_OF(most)
#define EACH_PART_OF(most) PARTS_##most

#if defined(__x86_64__) && defined(__linux__)
#define X86 1
#define V4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define V3 __attribute__((target("arch=x86-64-v3")))

#define NAME(x) x##_v4_32
#define TARGET V4
#define LANES 16
#define VECTORS 2
#define PIXELS 8
#define TERMS 8
#include "convolution_kernels.h"

#define NAME(x) x##_v4_16
#define LANES 16
#define VECTORS 1
#define PIXELS 16
#define TERMS 16
#include "convolution_kernels.h"

#define NAME(x) x##_v4_8
#define LANES 8
#define VECTORS 1
#define PIXELS 16
#define TERMS 16
#include "convolution_kernels.h"
#undef TARGET

#define NAME(x) x##_v3_16
#define TARGET V3
#define LANES 8
#define VECTORS 2
#define PIXELS 6
#define TERMS 6
#include "convolution_kernels.h"

#define NAME(x) x##_v3_8
#define LANES 8
#define VECTORS 1
#define PIXELS 12
#define TERMS 12
#include "convolution_kernels.h"
#undef TARGET
#endif

// Vectors of four, as baseline x86-64 and ARM have them.
#define NAME(x) x##_16
#define TARGET
#define LANES 4
#define VECTORS 4
#define PIXELS 4
#define TERMS 6
#include "convolution_kernels.h"

#define NAME(x) x##_8
#define LANES 4
#define VECTORS 2
#define PIXELS 6
#define TERMS 6
#include "convolution_kernels.h"
#undef TARGET

#define KERNEL(suffix, width, pixels) {width, pixels, correlate_##suffix, accumulate_##suffix}

// Ascending widths.
static const struct block_kernel baseline[] = {KERNEL(8, 8, 6), KERNEL(16, 16, 4)};
#ifdef X86
static const struct block_kernel v3[] = {KERNEL(v3_8, 8, 12), KERNEL(v3_16, 16, 6)};
static const struct block_kernel v4[] = {KERNEL(v4_8, 8, 16), KERNEL(v4_16, 16, 16), KERNEL(v4_32, 32, 8)};
#endif

static const struct block_kernel *smallest(const struct block_kernel *kernels, size_t count, size_t channels) {
  for (size_t i = 0; i + 1 < count; i++)
    if (kernels[i].width >= channels) return kernels + i;
  return kernels + count - 1;
}

const struct block_kernel *rondo_block_kernel(size_t channels) {
#ifdef X86
  if (__builtin_cpu_supports("x86-64-v4")) return smallest(v4, 3, channels);
  if (__builtin_cpu_supports("x86-64-v3")) return smallest(v3, 2, channels);
#endif
  return smallest(baseline, 2, channels);
}
