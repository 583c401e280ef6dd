// Preloaded into a program: counts its allocations and prints their number when it ends, as "N allocations". Those that OpenBLAS makes
// for itself are left out: its kernels for small products take scratch memory for some shapes.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// glibc's own, which its malloc and calloc are other names of.
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t items, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static atomic_long allocations;

static void count_call_from(void *caller) {
  Dl_info library;
  if (dladdr(caller, &library) && library.dli_fname && strstr(library.dli_fname, "libopenblas")) return;
  atomic_fetch_add(&allocations, 1);
}

#define COUNT count_call_from(__builtin_return_address(0))

void *malloc(size_t size) { COUNT; return __libc_malloc(size); }
void *calloc(size_t items, size_t size) { COUNT; return __libc_calloc(items, size); }
void *realloc(void *memory, size_t size) { COUNT; return __libc_realloc(memory, size); }
void *memalign(size_t alignment, size_t size) { COUNT; return __libc_memalign(alignment, size); }
void *aligned_alloc(size_t alignment, size_t size) { COUNT; return __libc_memalign(alignment, size); }
int posix_memalign(void **memory, size_t alignment, size_t size) {
  COUNT;
  *memory = __libc_memalign(alignment, size);
  return *memory ? 0 : ENOMEM;
}

// The daemons that a program starts together with MPI are not meant.
__attribute__((destructor)) static void report(void) {
  if (strcmp(program_invocation_short_name, "rondo") == 0) fprintf(stderr, "%ld allocations\n", (long)allocations);
}
