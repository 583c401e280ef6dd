/// Features that are numbers: a row of float32 for each sample. Immutable; copies share their storage.
///
/// Pixels stay the bytes that they are in their file, a quarter of the memory, and become floats when they are gathered.
public struct NumberRows: Sendable, Equatable {
  enum Storage: Sendable, Equatable {
    case floats([Float])
    /// 0 to 255 stand for 0 to 1; what a standardization makes of them is computed as they are gathered.
    case bytes([UInt8], Standardization?)
  }

  /// Of one sample, outermost axis first: [columns] of a table, [height, width, channels] of an image.
  public let shape: [Int]
  /// A name for each element of a sample, or none at all.
  public let names: [String]
  /// Samples.
  public let count: Int
  let storage: Storage

  /// Bytes in memory.
  var byteCount: Int {
    switch storage {
    case .floats(let elements): elements.count * MemoryLayout<Float>.stride
    case .bytes(let bytes, _): bytes.count
    }
  }

  /// Elements of a sample.
  public var width: Int { shape.reduce(1, *) }

  /// - Parameters:
  ///   - elements: row-major, samples first.
  ///   - shape: of one sample, extents of at least 1.
  public init(_ elements: [Float], shape: [Int], names: [String] = []) {
    self.init(.floats(elements), elements: elements.count, shape: shape, names: names)
  }

  /// Images: a pixel's byte becomes byte / 255, from 0 to 1.
  ///
  /// - Parameters:
  ///   - pixels: row-major, samples first.
  ///   - shape: [height, width, channels].
  public init(pixels: [UInt8], shape: [Int]) {
    self.init(.bytes(pixels, nil), elements: pixels.count, shape: shape, names: [])
  }

  private init(_ storage: Storage, elements: Int, shape: [Int], names: [String]) {
    precondition(
      !shape.isEmpty && shape.allSatisfy { $0 >= 1 },
      "NumberRows: expected extents of at least 1, found \(shape)")
    let width = shape.reduce(1, *)
    precondition(
      elements.isMultiple(of: width),
      "NumberRows: expected whole samples of \(width) elements, found \(elements) elements")
    precondition(
      names.isEmpty || names.count == width,
      "NumberRows: expected a name for each of \(width) elements, found \(names.count)")
    self.storage = storage
    self.shape = shape
    self.names = names
    count = elements / width
  }

  /// All elements, row-major; those of images are made for this call.
  public var elements: [Float] {
    if case .floats(let elements) = storage { return elements }
    return [Float](unsafeUninitializedCapacity: count * width) { elements, initialized in
      if let start = elements.baseAddress { gather(0..<count, into: start) }
      initialized = count * width
    }
  }

  func subset(_ samples: [Int]) -> NumberRows {
    switch storage {
    case .floats(let elements):
      let chosen = Self.rows(samples, of: elements, width: width)
      return NumberRows(.floats(chosen), elements: chosen.count, shape: shape, names: names)
    case .bytes(let bytes, let standardization):
      let chosen = Self.rows(samples, of: bytes, width: width)
      return NumberRows(.bytes(chosen, standardization), elements: chosen.count, shape: shape, names: names)
    }
  }

  /// - Precondition: as many features as were measured, and not standardized before.
  func standardized(_ standardization: Standardization) -> NumberRows {
    switch storage {
    case .floats(var elements):
      elements.withUnsafeMutableBufferPointer { elements in
        guard let start = elements.baseAddress else { return }
        for row in 0..<count { standardization.apply(to: start + row * width) }
      }
      return NumberRows(.floats(elements), elements: elements.count, shape: shape, names: names)
    case .bytes(let bytes, let before):
      precondition(before == nil, "NumberRows: the features are standardized already")
      return NumberRows(.bytes(bytes, standardization), elements: bytes.count, shape: shape, names: names)
    }
  }

  /// Copies the rows of `samples`, one after another; the target may be uninitialised.
  func gather(_ samples: some Collection<Int>, into rows: UnsafeMutablePointer<Float>) {
    let width = width
    switch storage {
    case .floats(let elements):
      elements.withUnsafeBufferPointer { elements in
        var row = rows
        for sample in samples {
          check(sample)
          row.initialize(from: elements.baseAddress! + sample * width, count: width)
          row += width
        }
      }
    case .bytes(let bytes, let standardization):
      bytes.withUnsafeBufferPointer { bytes in
        var row = rows
        for sample in samples {
          check(sample)
          let pixels = bytes.baseAddress! + sample * width
          for i in 0..<width { (row + i).initialize(to: Float(pixels[i]) / 255) }
          standardization?.apply(to: row)
          row += width
        }
      }
    }
  }

  private func check(_ sample: Int) {
    precondition(0 <= sample && sample < count, "Dataset.gather: no sample \(sample) among \(count)")
  }

  private static func rows<Element>(_ samples: [Int], of elements: [Element], width: Int) -> [Element] {
    var chosen: [Element] = []
    chosen.reserveCapacity(samples.count * width)
    for sample in samples { chosen += elements[sample * width..<(sample + 1) * width] }
    return chosen
  }
}
