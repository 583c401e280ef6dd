/// What a file's bytes are given to, from front to back.
protocol ByteSink: ~Copyable {
  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(CheckpointError)

  /// Appends bytes that are read when there is a place for them.
  ///
  /// - Parameter read: fills a buffer with the bytes from that one on; called from the front, piece by piece.
  mutating func append(
    _ count: Int, reading read: (UnsafeMutableRawBufferPointer, _ from: Int) -> Void
  ) throws(CheckpointError)
}

extension ByteSink where Self: ~Copyable {
  /// As many at a time as stay in a core's first cache.
  static var readBytes: Int { 1 << 15 }

  mutating func append<Element: BitwiseCopyable>(_ array: [Element]) throws(CheckpointError) {
    try array.withUnsafeBufferPointer { buffer throws(CheckpointError) in
      try append(UnsafeRawBufferPointer(buffer))
    }
  }

  mutating func append(
    _ count: Int, reading read: (UnsafeMutableRawBufferPointer, _ from: Int) -> Void
  ) throws(CheckpointError) {
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readBytes, alignment: 64)
    defer { piece.deallocate() }
    for start in stride(from: 0, to: count, by: Self.readBytes) {
      let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(Self.readBytes, count - start)])
      read(part, start)
      try append(UnsafeRawBufferPointer(part))
    }
  }
}
