import Kernels

/// y = the sum, the mean or the maximum over some axes, in a fixed order of additions.
///
/// Shapes: x [...], y [...] with the reduced axes of extent 1, or without them.
/// Backward: sum: dx = dy;  mean: dx = dy / (elements that became one);  maximum: dx = dy at the element that is the maximum, in equal
/// shares where several are, as PyTorch's `amax` and JAX do.
struct ReductionOperation: Operation {
  enum Kind: String {
    case sum, mean, maximum
  }

  let kind: Kind
  let reduction: Reduction
  let output: Shape
  /// x's shape with that of y, reduced axes of extent 1.
  let stretched: Broadcast
  /// From y to all elements of x that became one.
  let spread: StridedCopy

  /// Nil where the kernels would need too many loops.
  init?(_ kind: Kind, _ x: Shape, axes: Set<Int>, keepsAxes: Bool) {
    let kept = x.extents.enumerated().map { axes.contains($0) ? 1 : $1 }
    guard let reduction = Reduction(x.extents, reduces: x.extents.indices.map { axes.contains($0) }),
      let stretched = Broadcast(x.extents, kept),
      let spread = StridedCopy(
        x.extents, from: zip(StridedAxes.rowMajor(kept), kept).map { $1 == 1 ? 0 : $0 },
        to: StridedAxes.rowMajor(x.extents))
    else { return nil }
    self.kind = kind
    self.reduction = reduction
    self.stretched = stretched
    self.spread = spread
    output =
      keepsAxes
      ? Shape(kept) : Shape(x.extents.enumerated().filter { !axes.contains($0.offset) }.map(\.element))
  }

  var name: String { kind.rawValue }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { output }
  var backwardReads: BackwardReads {
    kind == .maximum ? BackwardReads(inputs: [0], output: true) : .nothing
  }

  /// Partial results; for the maximum also where x equals it, and how often.
  func workspaceCount(_ inputs: [Shape]) -> Int {
    reduction.workspaceCount + (kind == .maximum ? inputs[0].count + reduction.outputs : 0)
  }

  private var factor: Float { kind == .mean ? 1 / Float(reduction.length) : 1 }

  func forward(_ context: ForwardContext) {
    reduction.run(
      kind == .maximum ? .maximum : .sum, context.input(0), factor: factor, into: context.output,
      accumulate: false, workspace: context.workspace, on: context.pool)
  }

  func backward(_ context: BackwardContext) {
    guard let gradient = context.inputGradient(0) else { return }
    let (dy, count) = (context.outputGradient, context.shape(ofInput: 0).count)
    if kind == .maximum {
      let isMaximum = context.workspace + reduction.workspaceCount
      let ties = isMaximum + count
      let (x, y) = (context.input(0), context.output)
      context.pool.run(over: count, grain: elementwiseGrain) {
        stretched.apply(.equal, $0, x, y, into: isMaximum)
      }
      reduction.run(
        .sum, isMaximum, into: ties, accumulate: false, workspace: context.workspace, on: context.pool)
      context.pool.run(over: reduction.outputs, grain: elementwiseGrain) {
        for output in $0 { dy[output] /= ties[output] }
      }
      context.pool.run(over: count, grain: elementwiseGrain) {
        stretched.apply(
          .multiply, $0, isMaximum, dy, into: gradient.pointer, accumulate: gradient.accumulates)
      }
    } else {
      context.pool.run(over: reduction.outputs, grain: elementwiseGrain) {
        Elementwise.scale($0.count, by: factor, dy + $0.lowerBound, into: dy + $0.lowerBound)
      }
      context.pool.run(over: count, grain: elementwiseGrain) {
        spread.run($0, dy, to: gradient.pointer, accumulate: gradient.accumulates)
      }
    }
  }
}

extension Tensor {
  private func reduced(_ kind: ReductionOperation.Kind, _ axes: [Int]?, _ keepsAxes: Bool) -> Tensor {
    let axes = axes ?? Array(shape.extents.indices)
    // Negative axes count from the end.
    let chosen = Set(axes.map { $0 < 0 ? $0 + shape.rank : $0 })
    guard chosen.count == axes.count, chosen.allSatisfy(shape.extents.indices.contains) else {
      let reason = "expected different axes of \(shape), found \(axes)"
      return trace.fail(ShapeError(reason, place: kind.rawValue))
    }
    guard let operation = ReductionOperation(kind, shape, axes: chosen, keepsAxes: keepsAxes) else {
      let reason = "expected axes \(axes) of \(shape) to need at most \(Broadcast.largestRank) loops"
      return trace.fail(ShapeError(reason, place: kind.rawValue))
    }
    return trace.record(operation, self)
  }

  /// The sum over axes.
  ///
  /// - Parameters:
  ///   - axes: negative ones count from the end; nil means all.
  ///   - keepsAxes: leaves each with extent 1, so that the result can be stretched to this tensor's shape again.
  public func sum(_ axes: [Int]? = nil, keepsAxes: Bool = false) -> Tensor { reduced(.sum, axes, keepsAxes) }

  /// The mean over axes; parameters as of `sum`.
  public func mean(_ axes: [Int]? = nil, keepsAxes: Bool = false) -> Tensor {
    reduced(.mean, axes, keepsAxes)
  }

  /// The largest element over axes, or not a number where one is; parameters as of `sum`.
  public func maximum(_ axes: [Int]? = nil, keepsAxes: Bool = false) -> Tensor {
    reduced(.maximum, axes, keepsAxes)
  }
}
