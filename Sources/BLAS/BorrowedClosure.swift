import CThreads

/// A closure that does not escape, in a form that can be stored: its code and the address of what it captures, which stays on the stack of
/// whoever wrote it. Swift's own way, `withoutActuallyEscaping`, allocates; a step does not.
package struct BorrowedClosure {
  private var words = rondo_closure()

  private init() {}

  /// Lends `closure` to `use`. The borrowed closure may be copied and called on any thread, but not after `use` has returned.
  ///
  /// Never inlined, so that whoever wrote the closure sees one call within which anything may happen to what it captures.
  @inline(never)
  package static func lending(_ closure: (Int) -> Void, to use: (BorrowedClosure) -> Void) {
    var borrowed = BorrowedClosure()
    take(closure, into: &borrowed.words)
    use(borrowed)
  }

  package func callAsFunction(_ argument: Int) { rondo_closure_call(words, argument) }
}

/// In C, a function of Swift's calling convention with one parameter for each word of the closure.
@_silgen_name("rondo_closure_take")
private func take(_ closure: (Int) -> Void, into words: UnsafeMutablePointer<rondo_closure>)
