// Attention blockwise, as in FlashAttention: T. Dao et al., arXiv:2205.14135; T. Dao, arXiv:2307.08691.
//
// OpenBLAS copies both factors of each product into its own layout, which at the width of a head (64) takes longer than the
// product. Here a panel of keys and values is copied once and meets all the queries; the products are register tiles over it. The
// tile differs between instruction sets, which target_clones cannot express: attention_body.h is compiled for each.
#include "attention.h"

#include "elementary.h"

// Columns of a head, and of a panel of keys times columns of a head.
#define LARGEST_HEAD RONDO_LARGEST_HEAD
#define PANEL 16384
#define LARGEST_PANEL 256
// Queries that meet a panel at a time. A multiple of every ROWS below.
#define BLOCK 48

// The rows of a head lie a page apart where those of all heads and factors lie side by side: no hardware foresees them.
#define AHEAD 8
#define PREFETCH_ROW(row, columns) \
  for (size_t ahead = 0; ahead < (columns); ahead += 16) __builtin_prefetch((row) + ahead)

RONDO_INLINE size_t up(size_t count, size_t multiple) { return (count + multiple - 1) / multiple * multiple; }
RONDO_INLINE size_t least(size_t a, size_t b) { return a < b ? a : b; }

// Keys of a panel: as many as keep it in the second-level cache.
RONDO_INLINE size_t panel_keys(size_t padded) {
  const size_t fitting = PANEL / padded & ~(size_t)63;
  return fitting < 64 ? 64 : least(fitting, LARGEST_PANEL);
}

// How many of a panel's `count` keys, which begin at `first`, the query at `row` sees.
RONDO_INLINE size_t reach(const struct rondo_attention *job, size_t row, size_t first, size_t count) {
  if (!job->causal) return count;
  const size_t seen = row + job->offset + 1;
  return seen <= first ? 0 : least(seen - first, count);
}

#if defined(__x86_64__) && defined(__linux__)

#define NAME(x) x##_v4
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define LANES 16
#define VECTORS 4
#define ROWS 6
#include "attention_body.h"

#define NAME(x) x##_v3
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define LANES 8
#define VECTORS 2
#define ROWS 6
#include "attention_body.h"

#define NAME(x) x##_v1
#define TARGET
#define LANES 4
#define VECTORS 2
#define ROWS 6
#include "attention_body.h"

#define DISPATCH(function, job, ...)                                                                      \
  do {                                                                                                  \
    const size_t lanes = (job)->most_lanes ? (job)->most_lanes : 16;                                      \
    if (lanes >= 16 && __builtin_cpu_supports("x86-64-v4")) return function##_v4(job, __VA_ARGS__);      \
    if (lanes >= 8 && __builtin_cpu_supports("x86-64-v3")) return function##_v3(job, __VA_ARGS__);       \
    return function##_v1(job, __VA_ARGS__);                                                              \
  } while (0)

#else

#define NAME(x) x##_v1
#define TARGET
#define LANES 4
#define VECTORS 4
#define ROWS 6
#include "attention_body.h"

#define DISPATCH(function, job, ...) return function##_v1(job, __VA_ARGS__)

#endif

void rondo_attention_forward(const struct rondo_attention *job, float *o, size_t o_stride, float *lse) {
  DISPATCH(forward, job, o, o_stride, lse);
}

void rondo_attention_backward(
    const struct rondo_attention *job, const float *o, const float *d_o, size_t o_stride, const float *lse,
    const struct rondo_attention_gradient *dq, const struct rondo_attention_gradient *dk,
    const struct rondo_attention_gradient *dv) {
  DISPATCH(backward, job, o, d_o, o_stride, lse, dq, dk, dv);
}
