#ifndef RONDO_LOSSES_H
#define RONDO_LOSSES_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __cplusplus
}
#endif
#endif
