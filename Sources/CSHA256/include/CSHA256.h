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

// Takes in `blocks` blocks.
//
// As many bytes from `ahead` on are fetched into the cache meanwhile. Nothing needs to be there: it is a hint, and may be null.
void rondo_sha256(uint32_t *_Nonnull state, const void *_Nonnull data, const void *_Nullable ahead, size_t blocks);

// The same for two contents, as many blocks of each.
void rondo_sha256_pair(uint32_t *_Nonnull first, const void *_Nonnull first_data, const void *_Nullable first_ahead,
                       uint32_t *_Nonnull second, const void *_Nonnull second_data, const void *_Nullable second_ahead, size_t blocks);
#endif
