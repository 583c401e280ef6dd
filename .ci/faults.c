// Preloaded into a rank: counts the calls by which it makes, writes, renames, removes or resizes files of its run, and has one of them go
// wrong. FAULT_FOLDER is the run's directory; its memory in /dev/shm counts too. In FAULT_RANK, call FAULT_AT kills the process before it is
// made (FAULT_KIND=kill), or fails with EIO (FAULT_KIND=fail); 0 stands for none. FAULT_LOG gets a line for each call.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { descriptors = 4096 };
static atomic_int calls;
static atomic_char is_ours[descriptors];

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value ? value : "";
}

static int is_of_the_run(const char *path) {
  const char *folder = variable("FAULT_FOLDER");
  return (*folder && strncmp(path, folder, strlen(folder)) == 0) || strncmp(path, "/dev/shm/rondo-", 15) == 0;
}

static int is_open(int descriptor) { return descriptor >= 0 && descriptor < descriptors && is_ours[descriptor]; }

// Whether the call is to fail.
static int goes_wrong(const char *call, const char *path) {
  if (strcmp(variable("FAULT_RANK"), variable("OMPI_COMM_WORLD_RANK")) != 0) return 0;
  int number = atomic_fetch_add(&calls, 1) + 1;
  FILE *log = fopen(variable("FAULT_LOG"), "a");
  if (log) {
    fprintf(log, "%d %s %s\n", number, call, path);
    fclose(log);
  }
  if (number != atoi(variable("FAULT_AT"))) return 0;
  if (strcmp(variable("FAULT_KIND"), "kill") == 0) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
  }
  errno = EIO;
  return 1;
}

#define WRAP(type, name, parameters, arguments, is_meant, path)                  \
  type name parameters {                                                         \
    static type(*next) parameters;                                               \
    if (!next) next = (type(*) parameters)dlsym(RTLD_NEXT, #name);               \
    if ((is_meant) && goes_wrong(#name, path)) return -1;                        \
    return next arguments;                                                       \
  }

WRAP(int, rename, (const char *from, const char *to), (from, to), is_of_the_run(from), from)
WRAP(int, unlink, (const char *path), (path), is_of_the_run(path), path)
WRAP(int, rmdir, (const char *path), (path), is_of_the_run(path), path)
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), is_of_the_run(path), path)
WRAP(int, fsync, (int file), (file), is_open(file), "")
WRAP(int, ftruncate, (int file, off_t length), (file, length), is_open(file), "")
WRAP(int, ftruncate64, (int file, off64_t length), (file, length), is_open(file), "")
WRAP(ssize_t, write, (int file, const void *bytes, size_t count), (file, bytes, count), is_open(file), "")

int posix_fallocate(int file, off_t start, off_t length) {
  static int (*next)(int, off_t, off_t);
  if (!next) next = (int (*)(int, off_t, off_t))dlsym(RTLD_NEXT, "posix_fallocate");
  // This one returns its error.
  if (is_open(file) && goes_wrong("posix_fallocate", "")) return EIO;
  return next(file, start, length);
}

int close(int file) {
  static int (*next)(int);
  if (!next) next = (int (*)(int))dlsym(RTLD_NEXT, "close");
  if (file >= 0 && file < descriptors) is_ours[file] = 0;
  return next(file);
}

#define WRAP_OPEN(name)                                                          \
  int name(const char *path, int flags, ...) {                                   \
    static int (*next)(const char *, int, ...);                                  \
    if (!next) next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name);  \
    va_list rest;                                                                \
    va_start(rest, flags);                                                       \
    int mode = flags & O_CREAT ? va_arg(rest, int) : 0;                          \
    va_end(rest);                                                                \
    int is_meant = is_of_the_run(path) && (flags & O_ACCMODE) != O_RDONLY;       \
    if (is_meant && goes_wrong(#name, path)) return -1;                          \
    int file = next(path, flags, mode);                                          \
    if (file >= 0 && file < descriptors) is_ours[file] = (char)is_meant;         \
    return file;                                                                 \
  }

WRAP_OPEN(open)
WRAP_OPEN(open64)
