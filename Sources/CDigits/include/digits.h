#ifndef RONDO_DIGITS_H
#define RONDO_DIGITS_H

#include <stddef.h>

enum {
  // Pixels of an image: 8 rows of 8.
  RONDO_DIGITS_PIXELS = 64,
  // Bytes of a sample: its pixels, row by row, 0 (white) to 16 (black), then the digit, 0 to 9.
  RONDO_DIGITS_SAMPLE_BYTES = RONDO_DIGITS_PIXELS + 1,
  RONDO_DIGITS_SAMPLES = 1797,
};

// All samples, one after another. Lives as long as the process.
const unsigned char *rondo_digits(void);

#endif
