/// An executor by reference: executors are noncopyable, and an enumeration cannot change such a value in place.
package final class ExecutorBox<Executor: ~Copyable> {
  package var executor: Executor

  package init(_ executor: consuming Executor) { self.executor = executor }
}
