/// Tensors that lie in pieces in several files: `NAME@OFFSET` is a one-dimensional piece of `NAME` that begins at element OFFSET.
///
/// How many files there are and where they cut is of no matter: any range of a tensor is read from whichever pieces hold it. So the
/// state that P ranks wrote is read by any Q ranks.
public struct ShardedTensors: Sendable {
  private struct Piece: Sendable {
    let range: Range<Int>
    let file: SafetensorsFile
    let tensor: SafetensorsFile.Tensor
  }

  /// Of each tensor, ascending, without overlaps. Pieces without elements are left out.
  private let pieces: [String: [Piece]]

  /// - Throws: for a name that is no piece's, and for elements that are given twice.
  public init(_ files: [SafetensorsFile]) throws(CheckpointError) {
    var pieces: [String: [Piece]] = [:]
    for file in files {
      for tensor in file.tensors {
        guard let at = tensor.name.lastIndex(of: "@"), tensor.shape.count == 1,
          let offset = Int(tensor.name[tensor.name.index(after: at)...]), offset >= 0,
          !offset.addingReportingOverflow(tensor.count).overflow
        else {
          throw CheckpointError(
            "tensor \(tensor.name.debugDescription) of shape \(tensor.shape) is no piece of a tensor: expected a name "
              + "such as x@4096 and one extent", path: file.path)
        }
        let range = offset..<offset + tensor.count
        pieces[String(tensor.name[..<at]), default: []].append(
          Piece(range: range, file: file, tensor: tensor))
      }
    }
    for name in pieces.keys {
      pieces[name]?.removeAll { $0.range.isEmpty }
      pieces[name]?.sort { $0.range.lowerBound < $1.range.lowerBound }
      let ordered = pieces[name] ?? []
      for (first, second) in zip(ordered, ordered.dropFirst())
      where first.range.upperBound > second.range.lowerBound {
        let twice = second.range.clamped(to: first.range)
        throw CheckpointError(
          "elements \(twice.lowerBound) to \(twice.upperBound - 1) of \(name.debugDescription) are in \(first.file.path), too",
          path: second.file.path)
      }
    }
    self.pieces = pieces
  }

  /// Of all tensors, in alphabetical order.
  public var names: [String] { pieces.keys.sorted() }

  /// Reads a whole tensor.
  ///
  /// - Parameters:
  ///   - count: its elements.
  ///   - elements: room for `count`; may be uninitialised.
  /// - Throws: also when there are more elements than `count`.
  public func read(
    _ name: String, count: Int, into elements: UnsafeMutableBufferPointer<Float>
  ) throws(CheckpointError) {
    try expect(name, count: count)
    try read(name, 0..<count, into: elements)
  }

  /// Refuses a tensor with more than so many elements.
  public func expect(_ name: String, count: Int) throws(CheckpointError) {
    if let last = pieces[name]?.last, last.range.upperBound > count {
      throw CheckpointError(
        "\(name.debugDescription) has \(last.range.upperBound) elements, expected \(count)",
        path: last.file.path)
    }
  }

  /// Reads a range of a tensor's elements.
  ///
  /// - Parameter elements: room for as many; may be uninitialised.
  public func read(
    _ name: String, _ range: Range<Int>, into elements: UnsafeMutableBufferPointer<Float>
  ) throws(CheckpointError) {
    precondition(
      elements.count == range.count,
      "ShardedTensors.read: expected room for \(range.count) elements, found \(elements.count)")
    guard let pieces = pieces[name] else {
      throw CheckpointError("there is no \(name.debugDescription)", path: folder)
    }
    var next = range.lowerBound
    for piece in pieces where piece.range.overlaps(range) {
      let part = piece.range.clamped(to: range)
      try expect(next, part.lowerBound, of: name)
      let first = part.lowerBound - range.lowerBound
      try piece.file.read(
        piece.tensor, from: part.lowerBound - piece.range.lowerBound,
        into: UnsafeMutableBufferPointer(rebasing: elements[first..<first + part.count]))
      next = part.upperBound
    }
    try expect(next, range.upperBound, of: name)
  }

  private func expect(_ next: Int, _ found: Int, of name: String) throws(CheckpointError) {
    guard next < found else { return }
    throw CheckpointError(
      "elements \(next) to \(found - 1) of \(name.debugDescription) are missing", path: folder)
  }

  /// Where the files lie, for what is in none of them.
  private var folder: String {
    pieces.values.first?.first.map { FileSystem.parts(of: $0.file.path).folder } ?? "."
  }
}
