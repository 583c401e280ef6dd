import Kernels

/// y = a + b, element by element: a residual connection. Shapes: a, b and y alike.
struct AddOperation: Operation {
  var name: String { "add" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0] == inputs[1] else {
      throw ShapeError("expected equal shapes, found \(inputs[0]) and \(inputs[1])")
    }
    return inputs[0]
  }

  var backwardReads: BackwardReads { .nothing }
  var forwardInPlace: Int? { 0 }

  func forward(_ context: ForwardContext) {
    let (a, b, y) = (context.input(0), context.input(1), context.output)
    context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
      let first = $0.lowerBound
      if a == b { return Elementwise.scale($0.count, by: 2, a + first, into: y + first) }
      if a != y { (y + first).update(from: a + first, count: $0.count) }
      Elementwise.add($0.count, to: y + first, b + first)
    }
  }

  func backward(_ context: BackwardContext) {
    let dy = context.outputGradient
    for index in 0..<2 {
      guard let gradient = context.inputGradient(index) else { continue }
      context.pool.run(over: context.outputShape.count, grain: elementwiseGrain) {
        if gradient.accumulates {
          Elementwise.add($0.count, to: gradient.pointer + $0.lowerBound, dy + $0.lowerBound)
        } else {
          (gradient.pointer + $0.lowerBound).update(from: dy + $0.lowerBound, count: $0.count)
        }
      }
    }
  }
}

extension Tensor {
  /// The sum, element by element, of two tensors of equal shape.
  public static func + (a: Tensor, b: Tensor) -> Tensor { a.trace.record(AddOperation(), a, b) }
}
