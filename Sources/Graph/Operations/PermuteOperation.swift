import Kernels

/// y = x with its axes in another order: axis i of y is axis `axes[i]` of x. Backward: dx = dy with the axes back in their order.
struct PermuteOperation: Operation {
  let axes: [Int]
  let there: Permutation
  let back: Permutation

  /// Nil where the kernels would need too many loops.
  init?(_ x: Shape, _ axes: [Int]) {
    guard let there = Permutation(x.extents, axes),
      let back = Permutation(axes.map { x[$0] }, Permutation.inverse(of: axes))
    else { return nil }
    self.axes = axes
    self.there = there
    self.back = back
  }

  var name: String { "permute" }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { Shape(axes.map { inputs[0][$0] }) }
  var backwardReads: BackwardReads { .nothing }

  func forward(_ context: ForwardContext) {
    let (x, y) = (context.input(0), context.output)
    context.pool.run(tiles: there.tiles) { there.run(tile: $0, x, to: y, accumulate: false) }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let dy = context.outputGradient
    context.pool.run(tiles: back.tiles) {
      back.run(tile: $0, dy, to: gradient.pointer, accumulate: gradient.accumulates)
    }
  }
}

extension Tensor {
  /// This tensor with its axes in another order.
  ///
  /// - Parameter axes: for each axis of the result, the axis of this tensor that it is; negative ones count from the end.
  public func permuted(_ axes: [Int]) -> Tensor {
    let chosen = axes.map { $0 < 0 ? $0 + shape.rank : $0 }
    guard chosen.sorted() == Array(shape.extents.indices) else {
      let reason = "expected each axis of \(shape) once, found \(axes)"
      return trace.fail(ShapeError(reason, place: "permute"))
    }
    guard let operation = PermuteOperation(shape, chosen) else {
      let reason = "expected axes \(axes) of \(shape) to need at most \(Broadcast.largestRank) loops"
      return trace.fail(ShapeError(reason, place: "permute"))
    }
    return trace.record(operation, self)
  }

  /// This tensor with two axes exchanged, by default the last two: a transposed matrix. Negative axes count from the end.
  public func transposed(_ a: Int = -2, _ b: Int = -1) -> Tensor {
    var axes = Array(shape.extents.indices)
    let (first, second) = (a < 0 ? a + shape.rank : a, b < 0 ? b + shape.rank : b)
    guard axes.indices.contains(first), axes.indices.contains(second) else {
      let reason = "expected two axes of \(shape), found \(a) and \(b)"
      return trace.fail(ShapeError(reason, place: "permute"))
    }
    axes.swapAt(first, second)
    return permuted(axes)
  }
}
