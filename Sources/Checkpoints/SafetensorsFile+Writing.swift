/// A tensor to be written: a name, a shape, and where its elements are.
public struct SafetensorsSource {
  fileprivate enum Elements {
    case floats([Float])
    case int32s([Int32])
    case int64s([Int64])
    case memory(UnsafeRawBufferPointer)
    case reading((UnsafeMutableRawBufferPointer, Int) -> Void)
  }

  /// Of those that are read when they are written: as many at a time as stay in a core's first cache.
  private static let readBytes = 1 << 15

  public let name: String
  public let type: SafetensorsType
  public let shape: [Int]
  fileprivate let elements: Elements

  public init(_ name: String, shape: [Int], _ elements: [Float]) {
    self.init(name, .float32, shape, .floats(elements), count: elements.count)
  }

  public init(_ name: String, shape: [Int], _ elements: [Int32]) {
    self.init(name, .int32, shape, .int32s(elements), count: elements.count)
  }

  public init(_ name: String, shape: [Int], _ elements: [Int64]) {
    self.init(name, .int64, shape, .int64s(elements), count: elements.count)
  }

  /// Elements in memory that the caller keeps, such as a region of an arena, until they are written.
  package init(_ name: String, shape: [Int], _ elements: UnsafeBufferPointer<Float>) {
    self.init(name, .float32, shape, .memory(UnsafeRawBufferPointer(elements)), count: elements.count)
  }

  /// Floats that are read when they are written, piece by piece from the front.
  ///
  /// - Parameter read: fills a buffer with the bytes from that one on.
  package init(
    _ name: String, shape: [Int], reading read: @escaping (UnsafeMutableRawBufferPointer, _ from: Int) -> Void
  ) {
    self.init(name, .float32, shape, .reading(read), count: shape.reduce(1, *))
  }

  private init(_ name: String, _ type: SafetensorsType, _ shape: [Int], _ elements: Elements, count: Int) {
    precondition(
      shape.allSatisfy { $0 >= 0 } && shape.reduce(1, *) == count,
      "SafetensorsSource: tensor \(name) of shape \(shape) has \(count) elements")
    self.name = name
    self.type = type
    self.shape = shape
    self.elements = elements
  }

  fileprivate func withBytes(
    _ body: (UnsafeRawBufferPointer) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    func bytes<Element>(_ array: [Element]) throws(CheckpointError) {
      try array.withUnsafeBufferPointer { buffer throws(CheckpointError) in
        try body(UnsafeRawBufferPointer(buffer))
      }
    }
    switch elements {
    case .floats(let array): try bytes(array)
    case .int32s(let array): try bytes(array)
    case .int64s(let array): try bytes(array)
    case .memory(let memory): try body(memory)
    case .reading(let read):
      let total = type.bytes(of: shape) ?? 0
      let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.readBytes, alignment: 64)
      defer { piece.deallocate() }
      for start in stride(from: 0, to: total, by: Self.readBytes) {
        let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(Self.readBytes, total - start)])
        read(part, start)
        try body(UnsafeRawBufferPointer(part))
      }
    }
  }
}

extension SafetensorsFile {
  /// Writes tensors straight from where they are, without a copy in memory. The file appears under its name when it is complete and
  /// on disk, or not at all; a file that was there stays until then.
  ///
  /// The bytes depend on names, shapes, elements and metadata alone: tensors are ordered as the reference implementation does, by
  /// type, larger elements first, then by the bytes of their names.
  ///
  /// - Precondition: names differ, and none is `__metadata__`.
  /// - Returns: the bytes of the file.
  @discardableResult public static func write(
    _ tensors: [SafetensorsSource], metadata: [String: String] = [:], to path: String
  ) throws(CheckpointError) -> Int {
    var file = try AtomicFile(path: path)
    try stream(tensors, metadata: metadata) { bytes throws(CheckpointError) in try file.append(bytes) }
    return try file.commit()
  }

  /// Gives the bytes of the file to `append`, from front to back: the header, then each tensor's where they lie.
  static func stream(
    _ tensors: [SafetensorsSource], metadata: [String: String],
    to append: (UnsafeRawBufferPointer) throws(CheckpointError) -> Void
  ) throws(CheckpointError) {
    let ordered = tensors.sorted { first, second in
      first.type.rank != second.type.rank
        ? first.type.rank > second.type.rank : first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
    }
    for (first, second) in zip(ordered, ordered.dropFirst()) {
      precondition(first.name != second.name, "SafetensorsFile.write: two tensors are named \(first.name)")
    }
    let header = header(ordered, metadata: metadata)
    try header.withUnsafeBufferPointer { header throws(CheckpointError) in
      try append(UnsafeRawBufferPointer(header))
    }
    for tensor in ordered {
      try tensor.withBytes { bytes throws(CheckpointError) in try append(bytes) }
    }
  }

  /// Length and JSON, filled up with blanks to a multiple of 8 bytes.
  private static func header(_ tensors: [SafetensorsSource], metadata: [String: String]) -> [UInt8] {
    var members: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      members.append(
        "\"__metadata__\":{\(pairs.map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ","))}")
    }
    var start = 0
    for tensor in tensors {
      precondition(
        tensor.name != "__metadata__", "SafetensorsFile.write: __metadata__ is no name for a tensor")
      let end = start + (tensor.type.bytes(of: tensor.shape) ?? 0)
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      members.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(start),\(end)]}")
      start = end
    }
    var json = Array("{\(members.joined(separator: ","))}".utf8)
    json += [UInt8](repeating: UInt8(ascii: " "), count: -json.count & 7)
    return (0..<8).map { UInt8(truncatingIfNeeded: json.count >> (8 * $0)) } + json
  }

  /// A JSON string, with the escapes that are needed and no others.
  private static func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\r": quoted += "\\r"
      case "\t": quoted += "\\t"
      case "\u{8}": quoted += "\\b"
      case "\u{C}": quoted += "\\f"
      case "\u{0}"..<"\u{20}":
        let digits = String(scalar.value, radix: 16)
        quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return quoted + "\""
  }
}
