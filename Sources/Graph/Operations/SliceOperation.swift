import Kernels

/// y = a box of x: for each axis a range of its indices. Backward: dx = dy inside the box and 0 outside.
struct SliceOperation: Operation {
  let ranges: [Range<Int>]
  /// Where the box begins in x, in elements.
  let offset: Int
  let there: StridedCopy
  let back: StridedCopy

  /// Nil where the kernels would need too many loops.
  init?(_ x: Shape, _ ranges: [Range<Int>]) {
    let extents = ranges.map(\.count)
    let (whole, box) = (StridedAxes.rowMajor(x.extents), StridedAxes.rowMajor(extents))
    guard let there = StridedCopy(extents, from: whole, to: box),
      let back = StridedCopy(extents, from: box, to: whole)
    else { return nil }
    self.ranges = ranges
    self.there = there
    self.back = back
    offset = zip(ranges, whole).reduce(0) { $0 + $1.0.lowerBound * $1.1 }
  }

  var name: String { "slice" }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { Shape(ranges.map(\.count)) }
  var backwardReads: BackwardReads { .nothing }

  func forward(_ context: ForwardContext) {
    let (x, y) = (context.input(0) + offset, context.output)
    context.pool.run(over: there.count, grain: elementwiseGrain) {
      there.run($0, x, to: y, accumulate: false)
    }
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let dy = context.outputGradient
    if !gradient.accumulates {
      context.pool.run(over: context.shape(ofInput: 0).count, grain: elementwiseGrain) {
        (gradient.pointer + $0.lowerBound).update(repeating: 0, count: $0.count)
      }
    }
    context.pool.run(over: back.count, grain: elementwiseGrain) {
      back.run($0, dy, to: gradient.pointer + offset, accumulate: gradient.accumulates)
    }
  }
}

extension Tensor {
  /// A box of this tensor.
  ///
  /// - Parameter ranges: of the leading axes' indices; nil, or an axis that is left out at the end, takes all.
  public func sliced(_ ranges: Range<Int>?...) -> Tensor { sliced(ranges) }

  private func sliced(_ ranges: [Range<Int>?]) -> Tensor {
    guard ranges.count <= shape.rank,
      zip(ranges, shape.extents).allSatisfy({ range, extent in
        range.map { !$0.isEmpty && $0.lowerBound >= 0 && $0.upperBound <= extent } ?? true
      })
    else {
      let found = ranges.map { $0?.description ?? "all" }.joined(separator: ", ")
      return trace.fail(
        ShapeError(
          "expected ranges of indices of \(shape) that are not empty, found \(found)", place: "slice"))
    }
    let box = shape.extents.enumerated().map { axis, extent in
      axis < ranges.count ? ranges[axis] ?? 0..<extent : 0..<extent
    }
    guard let operation = SliceOperation(shape, box) else {
      let reason = "expected a slice of \(shape) to need at most \(Broadcast.largestRank) loops"
      return trace.fail(ShapeError(reason, place: "slice"))
    }
    return trace.record(operation, self)
  }

  /// A range of one axis's indices; a negative axis counts from the end.
  public func sliced(_ range: Range<Int>, axis: Int) -> Tensor {
    let chosen = axis < 0 ? axis + shape.rank : axis
    guard shape.extents.indices.contains(chosen) else {
      return trace.fail(ShapeError("expected an axis of \(shape), found \(axis)", place: "slice"))
    }
    return sliced(shape.extents.indices.map { $0 == chosen ? range : nil })
  }
}
