#ifndef RONDO_ELEMENTWISE_H
#define RONDO_ELEMENTWISE_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
