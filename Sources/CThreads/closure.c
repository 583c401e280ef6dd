// Swift passes a closure as two arguments and calls it with the second in a register for that purpose; clang knows both conventions
// (swiftcall, swift_context), which is how Swift's own runtime, in C++, takes and calls closures.
#include "CThreads.h"

typedef __attribute__((swiftcall)) void closure_function(ptrdiff_t argument, __attribute__((swift_context)) void *context);

// Declared in Swift (BorrowedClosure.swift), where its first two parameters are one closure.
__attribute__((swiftcall)) void rondo_closure_take(void *function, void *context, struct rondo_closure *closure);

__attribute__((swiftcall)) void rondo_closure_take(void *function, void *context, struct rondo_closure *closure) {
  *closure = (struct rondo_closure){function, context};
}

void rondo_closure_call(struct rondo_closure closure, ptrdiff_t argument) {
  ((closure_function *)closure.function)(argument, closure.context);
}
