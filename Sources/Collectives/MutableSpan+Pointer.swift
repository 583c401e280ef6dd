import MPI

extension MutableSpan where Element: BitwiseCopyable {
  /// Calls `body` with the span's memory. The closure form of the standard library cannot throw a typed error where
  /// the closure changes a noncopyable value, so the outcome is handed out of it.
  mutating func withPointer(
    _ body: (UnsafeMutableBufferPointer<Element>) throws(MPIError) -> Void
  ) throws(MPIError) {
    let outcome: Result<Void, MPIError> = withUnsafeMutableBufferPointer { buffer in
      do throws(MPIError) {
        try body(buffer)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try outcome.get()
  }
}
