// SHA-256 (FIPS 180-4) of whole blocks: by a core's own instructions, of two contents at a time, and without them.
//
// `state` is an intermediate hash value of 8 words, a block has 64 bytes.
#ifndef RONDO_CSHA256_H
#define RONDO_CSHA256_H
#include <stddef.h>
#include <stdint.h>

// Takes in `blocks` blocks, on any core.
void rondo_sha256_portable(uint32_t *_Nonnull state, const void *_Nonnull data, size_t blocks);

// Whether this core has instructions for SHA-256. Where not, the functions below end the process.
int rondo_sha256_is_available(void);

// A content, from some block on.
typedef struct {
  uint32_t *_Nonnull state;
  const void *_Nonnull data;
  // Where the bytes lie that come after them, and where those will be copied to: as many as are taken in are fetched into the cache meanwhile.
  // Nothing needs to be there: these are hints, and may be null.
  const void *_Nullable source, *_Nullable target;
} rondo_sha256_content;

// Takes in `blocks` blocks.
void rondo_sha256(rondo_sha256_content content, size_t blocks);

// The same for two contents, as many blocks of each.
void rondo_sha256_pair(rondo_sha256_content first, rondo_sha256_content second, size_t blocks);
#endif
