/// A tensor to be written: a name, a shape, and where its elements are.
public struct SafetensorsSource {
  public let name: String
  public let type: SafetensorsType
  public let shape: [Int]
  fileprivate let bytes: FileContent.Part

  public init(_ name: String, shape: [Int], _ elements: [Float]) {
    self.init(name, .float32, shape, FileContent.Part(elements))
  }

  public init(_ name: String, shape: [Int], _ elements: [Int32]) {
    self.init(name, .int32, shape, FileContent.Part(elements))
  }

  public init(_ name: String, shape: [Int], _ elements: [Int64]) {
    self.init(name, .int64, shape, FileContent.Part(elements))
  }

  /// Elements in memory that the caller keeps, such as a region of an arena, until they are written.
  package init(_ name: String, shape: [Int], _ elements: UnsafeBufferPointer<Float>) {
    self.init(name, .float32, shape, FileContent.Part(UnsafeRawBufferPointer(elements)))
  }

  /// Floats that are read when they are written, piece by piece from the front.
  ///
  /// - Parameters:
  ///   - origin: where they lie, as far as is known: only fetched into the cache.
  ///   - read: fills a buffer with the bytes from that one on.
  package init(
    _ name: String, shape: [Int], from origin: UnsafeRawPointer?,
    reading read: @escaping (UnsafeMutableRawBufferPointer, _ from: Int) -> Void
  ) {
    let count = shape.reduce(1, *) * MemoryLayout<Float>.stride
    self.init(name, .float32, shape, FileContent.Part(count: count, read: read, origin: origin))
  }

  private init(_ name: String, _ type: SafetensorsType, _ shape: [Int], _ bytes: FileContent.Part) {
    precondition(
      shape.allSatisfy { $0 >= 0 } && type.bytes(of: shape) == bytes.count,
      "SafetensorsSource: tensor \(name) of shape \(shape) has \(bytes.count) bytes")
    self.name = name
    self.type = type
    self.shape = shape
    self.bytes = bytes
  }
}

extension SafetensorsFile {
  /// Writes tensors from where they are, piece by piece. The file appears under its name when it is complete and
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
    try file.append(content(tensors, metadata: metadata))
    return try file.commit()
  }

  /// The bytes of the file: the header, then each tensor's from where they lie.
  static func content(_ tensors: [SafetensorsSource], metadata: [String: String]) -> FileContent {
    let ordered = tensors.sorted { first, second in
      first.type.rank != second.type.rank
        ? first.type.rank > second.type.rank : first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
    }
    for (first, second) in zip(ordered, ordered.dropFirst()) {
      precondition(first.name != second.name, "SafetensorsFile.write: two tensors are named \(first.name)")
    }
    return FileContent([FileContent.Part(header(ordered, metadata: metadata))] + ordered.map(\.bytes))
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
