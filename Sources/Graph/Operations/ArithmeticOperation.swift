import Kernels

/// y = a + b, a - b, a · b or a / b, element by element, shapes stretched to each other by NumPy's rule: axes are matched from the last,
/// and along an axis of extent 1, or one that is missing, elements are repeated.
///
/// Backward: with g the gradient at the common shape,  +: g = dy, dy;  -: dy, -dy;  ·: dy b, dy a;  /: dy / b, -dy y / b;  and for an
/// operand with repeated elements the sum of g over the axes of repetition, in a fixed order.
/// Source: NumPy user guide, "Broadcasting".
struct ArithmeticOperation: Operation {
  let kind: Arithmetic
  let broadcast: Broadcast
  /// For each operand that is repeated, the sum of its gradient.
  let sums: [Reduction?]

  /// Nil where the shapes do not fit.
  init?(_ kind: Arithmetic, _ a: Shape, _ b: Shape) {
    guard let broadcast = Broadcast(a.extents, b.extents) else { return nil }
    self.kind = kind
    self.broadcast = broadcast
    sums = broadcast.repeats.map { $0.contains(true) ? Reduction(broadcast.extents, reduces: $0) : nil }
  }

  var name: String { kind.rawValue }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { Shape(broadcast.extents) }

  var backwardReads: BackwardReads {
    switch kind {
    case .multiply: .inputs(0, 1)
    case .divide: BackwardReads(inputs: [1], output: true)
    default: .nothing
    }
  }

  var forwardInPlace: Int? { broadcast.isRepeated(0) ? nil : 0 }
  /// A sum's or difference's first gradient is dy itself.
  var gradientInPlace: Int? { isSum && !broadcast.isRepeated(0) ? 0 : nil }
  private var isSum: Bool { kind == .add || kind == .subtract }

  /// Partial sums; and the gradient at the common shape, where it cannot be written over dy.
  func workspaceCount(_ inputs: [Shape]) -> Int {
    sumsCount + (needsProduct ? Shape(broadcast.extents).count : 0)
  }
  private var sumsCount: Int { sums.reduce(0) { max($0, $1?.workspaceCount ?? 0) } }
  /// dy · b is wanted while dy is still needed for dy · a.
  private var needsProduct: Bool { kind == .multiply && broadcast.isRepeated(0) && broadcast.isRepeated(1) }

  func forward(_ context: ForwardContext) {
    let (a, b, y) = (context.input(0), context.input(1), context.output)
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      broadcast.apply(kind, $0, a, b, into: y)
    }
  }

  func backward(_ context: BackwardContext) {
    let dy = context.outputGradient
    switch kind {
    case .multiply: multiplyBackward(context)
    case .divide:
      apply(context, .divide, dy, operand: 1, context.input(1), into: dy)
      pass(context, 0, dy, factor: 1)
      guard context.inputGradient(1) != nil else { return }
      apply(context, .multiply, dy, operand: Broadcast.whole, context.output, into: dy)
      pass(context, 1, dy, factor: -1)
    default:
      pass(context, 0, dy, factor: 1)
      pass(context, 1, dy, factor: kind == .subtract ? -1 : 1)
    }
  }

  /// dy times the other operand for each: straight into its gradient, or where that is a sum, first into scratch or, when dy is no longer
  /// needed, over dy.
  private func multiplyBackward(_ context: BackwardContext) {
    let dy = context.outputGradient
    let isReversed = broadcast.isRepeated(0) && !broadcast.isRepeated(1)
    for place in 0..<2 {
      let index = isReversed ? 1 - place : place
      guard let gradient = context.inputGradient(index) else { continue }
      let other = 1 - index
      if broadcast.isRepeated(index) {
        let product = place == 0 ? context.workspace + sumsCount : dy
        apply(context, .multiply, dy, operand: other, context.input(other), into: product)
        pass(context, index, product, factor: 1)
      } else {
        apply(
          context, .multiply, dy, operand: other, context.input(other), into: gradient.pointer,
          accumulate: gradient.accumulates)
      }
    }
  }

  private func apply(
    _ context: BackwardContext, _ kind: Arithmetic, _ x: UnsafePointer<Float>, operand: Int,
    _ values: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, accumulate: Bool = false
  ) {
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      broadcast.apply(kind, $0, x, operand: operand, values, into: y, accumulate: accumulate)
    }
  }

  /// Writes factor · g, or the sum of it, as an operand's gradient.
  private func pass(
    _ context: BackwardContext, _ index: Int, _ g: UnsafePointer<Float>, factor: Float
  ) {
    guard let gradient = context.inputGradient(index) else { return }
    if let sum = sums[index] {
      sum.run(
        .sum, g, factor: factor, into: gradient.pointer, accumulate: gradient.accumulates,
        workspace: context.workspace, on: context.pool)
    } else if gradient.accumulates || gradient.pointer != g || factor != 1 {
      context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
        Elementwise.affine(
          $0.count, scale: factor, shift: 0, g + $0.lowerBound, into: gradient.pointer + $0.lowerBound,
          accumulate: gradient.accumulates)
      }
    }
  }
}

extension Tensor {
  private static func arithmetic(_ kind: Arithmetic, _ a: Tensor, _ b: Tensor) -> Tensor {
    guard let operation = ArithmeticOperation(kind, a.shape, b.shape) else {
      let reason = "expected extents that are equal or 1, found \(a.shape) and \(b.shape)"
      return a.trace.fail(ShapeError(reason, place: kind.rawValue))
    }
    return a.trace.record(operation, a, b)
  }

  /// The sum, element by element, of two tensors whose shapes are stretched to each other.
  public static func + (a: Tensor, b: Tensor) -> Tensor { arithmetic(.add, a, b) }
  /// The difference, element by element, of two tensors whose shapes are stretched to each other.
  public static func - (a: Tensor, b: Tensor) -> Tensor { arithmetic(.subtract, a, b) }
  /// The product, element by element, of two tensors whose shapes are stretched to each other.
  public static func * (a: Tensor, b: Tensor) -> Tensor { arithmetic(.multiply, a, b) }
  /// The quotient, element by element, of two tensors whose shapes are stretched to each other.
  public static func / (a: Tensor, b: Tensor) -> Tensor { arithmetic(.divide, a, b) }
}
