/// What a safetensors file says of its tensors: the JSON between the length in its first 8 bytes and the data.
struct SafetensorsHeader {
  /// A longer header is refused before memory is taken for it, as the reference implementation does.
  static let mostBytes = 100_000_000

  /// In the order of their data, which lie one after another without a gap. Ranges count from the start of the data.
  let tensors: [SafetensorsFile.Tensor]
  let metadata: [String: String]

  /// - Throws: what is wrong, on one line.
  init(_ json: [UInt8]) throws(HeaderProblem) {
    var scanner = HeaderScanner(json)
    var tensors: [SafetensorsFile.Tensor] = []
    var metadata: [String: String] = [:]
    var names: Set<String> = []
    try scanner.object { scanner, name throws(HeaderProblem) in
      guard names.insert(name).inserted else {
        throw HeaderProblem(
          text: "the name \(name.debugDescription) occurs twice", position: scanner.position)
      }
      if name == "__metadata__" {
        try scanner.object { scanner, key throws(HeaderProblem) in
          let value = try scanner.string()
          guard metadata.updateValue(value, forKey: key) == nil else {
            throw HeaderProblem(
              text: "the metadata \(key.debugDescription) occur twice", position: scanner.position)
          }
        }
      } else {
        tensors.append(try Self.tensor(named: name, &scanner))
      }
    }
    try scanner.end()
    self.tensors = tensors.sorted {
      ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound)
    }
    self.metadata = metadata
    try checkRanges()
  }

  /// Bytes of the data.
  var dataBytes: Int { tensors.last?.bytes.upperBound ?? 0 }

  private static func tensor(
    named name: String, _ scanner: inout HeaderScanner
  ) throws(HeaderProblem) -> SafetensorsFile.Tensor {
    let start = scanner.position
    func problem(_ text: String) -> HeaderProblem {
      HeaderProblem(text: "tensor \(name.debugDescription): \(text)", position: start)
    }
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    try scanner.object { scanner, key throws(HeaderProblem) in
      switch key {
      case "dtype" where typeName == nil: typeName = try scanner.string()
      case "shape" where shape == nil: shape = try scanner.integers()
      case "data_offsets" where offsets == nil: offsets = try scanner.integers()
      default: throw problem("the key \(key.debugDescription) is unknown or occurs twice")
      }
    }
    guard let typeName, let shape, let offsets else {
      throw problem("expected the keys dtype, shape and data_offsets")
    }
    guard let type = SafetensorsType(rawValue: typeName) else {
      throw problem("the element type \(typeName.debugDescription) is unknown")
    }
    guard offsets.count == 2, offsets[0] <= offsets[1] else {
      throw problem("expected data_offsets of a start and an end, found \(offsets)")
    }
    let range = offsets[0]..<offsets[1]
    guard type.bytes(of: shape) == range.count else {
      let expected = type.bytes(of: shape).map { "\($0) bytes" } ?? "no possible number of bytes"
      throw problem("\(typeName) of shape \(shape) takes \(expected), and data_offsets span \(range.count)")
    }
    return SafetensorsFile.Tensor(name: name, type: type, shape: shape, bytes: range)
  }

  private func checkRanges() throws(HeaderProblem) {
    var end = 0
    var previous = ""
    for tensor in tensors {
      guard tensor.bytes.lowerBound == end else {
        let fault =
          tensor.bytes.lowerBound < end
          ? "overlaps \(previous.debugDescription), which ends at \(end)"
          : "begins at \(tensor.bytes.lowerBound), and bytes from \(end) on belong to no tensor"
        throw HeaderProblem(text: "tensor \(tensor.name.debugDescription): \(fault)", position: 0)
      }
      end = tensor.bytes.upperBound
      previous = tensor.name
    }
  }
}
