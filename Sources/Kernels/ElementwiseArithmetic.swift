import CKernels

/// Arithmetic of two tensors.
package enum Arithmetic: String, Sendable, CaseIterable {
  case add, subtract, multiply, divide
  /// 1 where the elements are equal, else 0.
  case equal

  fileprivate var code: Int32 {
    switch self {
    case .add: Int32(RONDO_BINARY_ADD.rawValue)
    case .subtract: Int32(RONDO_BINARY_SUBTRACT.rawValue)
    case .multiply: Int32(RONDO_BINARY_MULTIPLY.rawValue)
    case .divide: Int32(RONDO_BINARY_DIVIDE.rawValue)
    case .equal: Int32(RONDO_BINARY_EQUAL.rawValue)
    }
  }
}

/// How two shapes are stretched to a common one, by NumPy's rule: axes are matched from the last; where one extent is 1 or missing, its
/// elements are repeated.
package struct Broadcast: Sendable {
  /// More axes than the kernels walk, once neighbours that lie alike have become one.
  package static let largestRank = Int(RONDO_LARGEST_RANK)

  /// The common shape.
  package let extents: [Int]
  /// For each operand, whether an axis of the common shape is repeated.
  package let repeats: [[Bool]]
  /// Of the operands and of a tensor of the common shape.
  private let axes: StridedAxes
  /// Stands for a tensor of the common shape where an operand is asked for.
  package static let whole = 2

  /// Nil where two extents differ and neither is 1, or where more than ``largestRank`` loops would be needed.
  package init?(_ a: [Int], _ b: [Int]) {
    let rank = max(a.count, b.count)
    let operands = [a, b].map { Array(repeating: 1, count: rank - $0.count) + $0 }
    var extents: [Int] = []
    for (left, right) in zip(operands[0], operands[1]) {
      guard left == right || left == 1 || right == 1 else { return nil }
      extents.append(left == 1 ? right : left)
    }
    let repeats = operands.map { operand in zip(operand, extents).map { $0 == 1 && $1 > 1 } }
    let strides = zip(operands, repeats).map { operand, repeats in
      zip(StridedAxes.rowMajor(operand), repeats).map { $1 ? 0 : $0 }
    }
    axes = StridedAxes(extents, strides: strides + [StridedAxes.rowMajor(extents)])
    guard axes.rank <= Self.largestRank else { return nil }
    self.extents = extents
    self.repeats = repeats
  }

  /// Whether an operand has fewer elements than the result.
  package func isRepeated(_ operand: Int) -> Bool { repeats[operand].contains(true) }

  /// Elements `range`, in row-major order, of y (+)= a op b. `y` may be an operand that is not repeated.
  package func apply(
    _ operation: Arithmetic, _ range: Range<Int>, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    into y: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    run(operation, range, a, axes.strides[0], b, axes.strides[1], y, accumulate)
  }

  /// The same of y (+)= x op operand, where x has the common shape and `operand` is that of an operand. `y` may be `x`.
  package func apply(
    _ operation: Arithmetic, _ range: Range<Int>, _ x: UnsafePointer<Float>, operand: Int,
    _ values: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    run(operation, range, x, axes.strides[2], values, axes.strides[operand], y, accumulate)
  }

  private func run(
    _ operation: Arithmetic, _ range: Range<Int>, _ a: UnsafePointer<Float>, _ aStrides: [Int],
    _ b: UnsafePointer<Float>, _ bStrides: [Int], _ y: UnsafeMutablePointer<Float>, _ accumulate: Bool
  ) {
    rondo_broadcast(
      operation.code, accumulate ? 1 : 0, axes.rank, axes.extents, aStrides, bStrides, range.lowerBound,
      range.count, a, b, y)
  }
}
