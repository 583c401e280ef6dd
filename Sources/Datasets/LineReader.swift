/// The lines of a file or stream, one after another as they come in.
package struct LineReader: ~Copyable {
  package let path: String
  /// Of the line read last; the first is 1.
  package private(set) var line = 0

  private let file: FileBytes
  private var buffer: [UInt8] = []
  /// `buffer[position...]` is read and not yet handed out; up to `searched` there is no line feed in it.
  private var position = 0
  private var searched = 0
  private var isAtEnd = false

  /// - Parameter path: nil for standard input.
  package init(path: String?) throws(DatasetError) {
    file = if let path { try FileBytes.open(path: path) } else { try FileBytes.standardInput() }
    self.path = file.path
  }

  /// The next line without its line feed and carriage return, as bytes.
  ///
  /// - Parameter waits: false takes only what is in memory already as a whole.
  /// - Returns: nil where there is none; with `waits`, at the end.
  package mutating func next(waits: Bool = true) throws(DatasetError) -> [UInt8]? {
    while true {
      if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
        return take(to: end, skipping: 1)
      }
      searched = buffer.count
      if isAtEnd { return position < buffer.count ? take(to: buffer.count, skipping: 0) : nil }
      guard waits else { return nil }
      try fill()
    }
  }

  private mutating func take(to end: Int, skipping breaks: Int) -> [UInt8] {
    let hasReturn = end > position && buffer[end - 1] == UInt8(ascii: "\r")
    let bytes = Array(buffer[position..<(hasReturn ? end - 1 : end)])
    position = end + breaks
    searched = position
    line += 1
    return bytes
  }

  private mutating func fill() throws(DatasetError) {
    buffer.removeFirst(position)
    searched -= position
    position = 0
    let block = 1 << 16
    let known = buffer.count
    buffer.append(contentsOf: repeatElement(0, count: block))
    let count = try buffer.withUnsafeMutableBufferPointer { buffer throws(DatasetError) in
      let room = UnsafeMutableBufferPointer(rebasing: buffer[known...])
      return try file.readSome(into: UnsafeMutableRawBufferPointer(room))
    }
    buffer.removeLast(block - count)
    isAtEnd = count == 0
  }
}
