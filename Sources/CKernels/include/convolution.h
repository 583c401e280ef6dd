#ifndef RONDO_CONVOLUTION_H
#define RONDO_CONVOLUTION_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
