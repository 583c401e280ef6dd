// Reading values. Memory is taken for the result alone, and for a block where elements are converted.
extension SafetensorsFile {
  /// The elements of a tensor as float32: those of F32 as they are, of BF16 and F16 exactly converted.
  public func floats(_ name: String) throws(CheckpointError) -> [Float] {
    let tensor = try tensor(name)
    return try array(tensor) { buffer throws(CheckpointError) in try read(tensor, into: buffer) }
  }

  /// The elements of a tensor of I32 or I64.
  public func integers(_ name: String) throws(CheckpointError) -> [Int64] {
    let tensor = try tensor(name)
    switch tensor.type {
    case .int64:
      return try array(tensor) { buffer throws(CheckpointError) in
        try read(tensor, into: UnsafeMutableRawBufferPointer(buffer))
      }
    case .int32:
      let narrow: [Int32] = try array(tensor) { buffer throws(CheckpointError) in
        try read(tensor, into: UnsafeMutableRawBufferPointer(buffer))
      }
      return narrow.map { Int64($0) }
    default: throw mismatch(tensor, expected: "I32 or I64")
    }
  }

  /// Reads the elements of a tensor into `elements`, as ``floats(_:)`` does.
  ///
  /// - Parameter elements: room for exactly as many as the tensor has; row-major.
  public func read(_ name: String, into elements: inout MutableSpan<Float>) throws(CheckpointError) {
    let tensor = try tensor(name)
    guard tensor.count == elements.count else {
      throw CheckpointError(
        "tensor \(name.debugDescription) has \(tensor.count) elements, shape \(tensor.shape), expected \(elements.count)",
        path: path)
    }
    try elements.withUnsafeMutableBufferPointer { buffer throws(CheckpointError) in
      try read(tensor, into: buffer)
    }
  }

  /// Reads the elements of a tensor to where they are needed, such as a region of an arena.
  ///
  /// - Parameter elements: room for `tensor.count`; may be uninitialised.
  package func read(_ tensor: Tensor, into elements: UnsafeMutableBufferPointer<Float>)
    throws(CheckpointError)
  {
    precondition(
      elements.count == tensor.count,
      "SafetensorsFile.read: expected room for \(tensor.count) elements, found \(elements.count)")
    try read(tensor, from: 0, into: elements)
  }

  /// As above, for some elements of a tensor, from number `first` on.
  func read(
    _ tensor: Tensor, from first: Int, into elements: UnsafeMutableBufferPointer<Float>
  ) throws(CheckpointError) {
    switch tensor.type {
    case .float32: try read(tensor, fromByte: 4 * first, into: UnsafeMutableRawBufferPointer(elements))
    case .bfloat16: try expand(tensor, first, into: elements) { Float(bitPattern: UInt32($0) << 16) }
    case .float16: try expand(tensor, first, into: elements) { Float(Float16(bitPattern: $0)) }
    default: throw mismatch(tensor, expected: "F32, BF16 or F16")
    }
  }

  private func expand(
    _ tensor: Tensor, _ first: Int, into elements: UnsafeMutableBufferPointer<Float>,
    _ float: (UInt16) -> Float
  ) throws(CheckpointError) {
    let block = 1 << 16
    var halves = [UInt16](repeating: 0, count: min(block, elements.count))
    for start in stride(from: 0, to: elements.count, by: block) {
      let count = min(block, elements.count - start)
      try halves.withUnsafeMutableBufferPointer { halves throws(CheckpointError) in
        let part = UnsafeMutableBufferPointer(rebasing: halves[..<count])
        try read(tensor, fromByte: 2 * (first + start), into: UnsafeMutableRawBufferPointer(part))
        for i in 0..<count { elements.initializeElement(at: start + i, to: float(part[i])) }
      }
    }
  }

  private func array<Element>(
    _ tensor: Tensor, _ fill: (UnsafeMutableBufferPointer<Element>) throws(CheckpointError) -> Void
  ) throws(CheckpointError) -> [Element] {
    var failure: CheckpointError?
    let elements = [Element](unsafeUninitializedCapacity: tensor.count) { buffer, initialized in
      do throws(CheckpointError) {
        try fill(UnsafeMutableBufferPointer(rebasing: buffer[..<tensor.count]))
        initialized = tensor.count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return elements
  }

  private func mismatch(_ tensor: Tensor, expected: String) -> CheckpointError {
    CheckpointError(
      "tensor \(tensor.name.debugDescription) has elements of \(tensor.type.rawValue), expected \(expected)",
      path: path)
  }
}
