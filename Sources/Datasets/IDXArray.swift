/// An array of bytes in the IDX format of the MNIST files: two bytes 0, the kind of element, the number of axes, an extent for each axis
/// as a big-endian 32-bit integer, and the elements, row-major.
///
/// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", section "The IDX file format".
struct IDXArray {
  let extents: [Int]
  let bytes: [UInt8]

  /// - Parameter axes: how many there may be, with what they are: `[3: "count, height, width"]`.
  init(path: String, axes: [Int: String]) throws(DatasetError) {
    let file = try FileBytes.open(path: path)
    let magic = try file.read(4)
    guard magic.count == 4, magic[0] == 0, magic[1] == 0 else {
      throw DatasetError("this is no IDX file: it does not begin with two bytes 0", path: path)
    }
    guard magic[2] == 0x08 else {
      throw DatasetError(
        "the elements are \(Self.kinds[magic[2]] ?? "of the unknown kind \(magic[2])"), expected bytes (kind 8)",
        path: path)
    }
    guard axes[Int(magic[3])] != nil else {
      let expected = axes.sorted { $0.key < $1.key }.map { "\($0.key) (\($0.value))" }.joined(
        separator: " or ")
      throw DatasetError("the array has \(magic[3]) axes, expected \(expected)", path: path)
    }
    let header = try file.read(4 * Int(magic[3]))
    guard header.count == 4 * Int(magic[3]) else {
      throw DatasetError("the file ends inside its header; copy it again", path: path)
    }
    extents = stride(from: 0, to: header.count, by: 4).map { at in
      header[at..<at + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    guard !extents.contains(0) else {
      throw DatasetError("the array is empty: its extents are \(extents)", path: path)
    }
    var count = 1
    for extent in extents {
      let (product, overflow) = count.multipliedReportingOverflow(by: extent)
      if overflow { throw DatasetError("the extents \(extents) are those of no real array", path: path) }
      count = product
    }
    bytes = try file.read(count)
    guard bytes.count == count else {
      throw DatasetError(
        "the header announces \(count) elements, extents \(extents), and the file has \(bytes.count); copy it again",
        path: path)
    }
    guard try file.read(1).isEmpty else {
      throw DatasetError(
        "the file goes on after the \(count) elements that its header announces, extents \(extents)",
        path: path)
    }
  }

  private static let kinds: [UInt8: String] = [
    0x09: "signed bytes", 0x0B: "16-bit integers", 0x0C: "32-bit integers", 0x0D: "32-bit floats",
    0x0E: "64-bit floats",
  ]
}
