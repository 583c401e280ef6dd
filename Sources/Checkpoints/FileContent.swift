/// The bytes of a file that is to be written, read from front to back.
struct FileContent {
  /// A run of bytes that are read alike.
  struct Part {
    let count: Int
    /// Fills a buffer with the bytes from that one on; called from the front, piece by piece.
    let read: (UnsafeMutableRawBufferPointer, _ from: Int) -> Void
    /// Where the first of them lies, as far as is known: a hint.
    var origin: UnsafeRawPointer?
  }

  /// Bytes at a time, where nothing else goes on beside.
  static let pieceBytes = 1 << 18

  /// Bytes of all.
  let count: Int
  private let parts: [Part]
  private var part = 0
  private var offset = 0

  init(_ parts: [Part]) {
    self.parts = parts
    count = parts.reduce(0) { $0 + $1.count }
  }

  /// Where the next byte lies, as far as is known: a hint of what to fetch into the cache.
  var ahead: UnsafeRawPointer? {
    part < parts.count ? parts[part].origin.map { $0 + offset } : nil
  }

  /// Reads the next bytes: as many as there is room for, fewer at the end.
  ///
  /// - Returns: how many.
  mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    var done = 0
    while done < buffer.count, part < parts.count {
      let count = min(buffer.count - done, parts[part].count - offset)
      parts[part].read(UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count]), offset)
      done += count
      offset += count
      if offset == parts[part].count { (part, offset) = (part + 1, 0) }
    }
    return done
  }
}

extension FileContent.Part {
  init<Element: BitwiseCopyable>(_ array: [Element]) {
    self.init(count: array.count * MemoryLayout<Element>.stride) { buffer, start in
      array.withUnsafeBytes { bytes in
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + buffer.count]))
      }
    }
  }

  /// Bytes that the caller keeps until they are read.
  init(_ memory: UnsafeRawBufferPointer) {
    self.init(count: memory.count) { buffer, start in
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory[start..<start + buffer.count]))
    }
  }
}
