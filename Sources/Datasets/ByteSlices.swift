/// Samples that are slices of one run of bytes: windows of a text, which overlap or not, or sequences of different lengths.
///
/// Nothing is blown up: a byte is stored once, however many windows it lies in, and padding is not stored. Subsets share the bytes.
struct ByteSlices: Sendable, Equatable {
  enum Starts: Sendable, Equatable {
    case regular(first: Int, stride: Int, count: Int)
    case listed([Int])

    var count: Int {
      switch self {
      case .regular(_, _, let count): count
      case .listed(let starts): starts.count
      }
    }

    subscript(sample: Int) -> Int {
      switch self {
      case .regular(let first, let stride, _): first + sample * stride
      case .listed(let starts): starts[sample]
      }
    }
  }

  let bytes: [UInt8]
  let starts: Starts
  /// Bytes of each sample before padding; nil where all are `width`.
  let lengths: [Int32]?
  /// Codes of a sample as it is gathered.
  let width: Int

  /// Bytes in memory.
  var byteCount: Int {
    let places = if case .listed(let starts) = starts { starts.count * MemoryLayout<Int>.stride } else { 0 }
    return bytes.count + places + (lengths?.count ?? 0) * MemoryLayout<Int32>.stride
  }

  /// Windows of `width` bytes with the byte after each.
  init(text: [UInt8], in range: Range<Int>, width: Int, stride: Int) {
    precondition(width >= 1 && stride >= 1, "ByteSlices: expected a width and a stride of at least 1")
    bytes = text
    starts = .regular(
      first: range.lowerBound, stride: stride,
      count: range.count > width ? (range.count - width - 1) / stride + 1 : 0)
    lengths = nil
    self.width = width
  }

  init(bytes: [UInt8], starts: Starts, lengths: [Int32]?, width: Int) {
    self.bytes = bytes
    self.starts = starts
    self.lengths = lengths
    self.width = width
  }

  func subset(_ samples: [Int]) -> ByteSlices {
    ByteSlices(
      bytes: bytes, starts: .listed(samples.map { starts[$0] }),
      lengths: lengths.map { lengths in samples.map { lengths[$0] } }, width: width)
  }

  /// Copies the slices of `samples`, or, for a `shift` of 1, the windows one byte further on; what is left of each row becomes 0.
  func gather(
    _ samples: UnsafeBufferPointer<Int>, shift: Int = 0, into rows: UnsafeMutablePointer<Int32>
  ) {
    let (width, count) = (width, starts.count)
    bytes.withUnsafeBufferPointer { bytes in
      for (row, sample) in samples.enumerated() {
        precondition(0 <= sample && sample < count, "Dataset.gather: no sample \(sample) among \(count)")
        let length = lengths.map { Int($0[sample]) } ?? width
        let source = bytes.baseAddress! + starts[sample] + shift
        let target = rows + row * width
        for i in 0..<length { (target + i).initialize(to: Int32(source[i])) }
        (target + length).initialize(repeating: 0, count: width - length)
      }
    }
  }
}
