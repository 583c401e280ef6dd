/// y = x under another shape: the same elements in the same order, in the same memory.
struct ReshapeOperation: Operation {
  let output: Shape

  var name: String { "reshape" }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard inputs[0].count == output.count else {
      throw ShapeError("expected as many elements as \(output) has, found \(inputs[0])")
    }
    return output
  }

  var backwardReads: BackwardReads { .nothing }
  var isView: Bool { true }

  func forward(_ context: ForwardContext) {
    if context.output != context.input(0) {
      context.output.update(from: context.input(0), count: output.count)
    }
  }

  func backward(_ context: BackwardContext) { context.passGradientThroughView() }
}

extension Tensor {
  /// The same elements in the same order under another shape.
  ///
  /// - Parameter extents: one may be -1: what the number of elements leaves for it.
  public func reshaped(to extents: [Int]) -> Tensor {
    let known = extents.filter { $0 != -1 }
    let count = known.reduce(1, *)
    guard extents.count - known.count <= 1, known.allSatisfy({ $0 >= 1 }), shape.count % count == 0 else {
      let reason = "expected extents for \(shape.count) elements, at most one of them -1, found \(extents)"
      return trace.fail(ShapeError(reason, place: "reshape"))
    }
    let operation = ReshapeOperation(output: Shape(extents.map { $0 == -1 ? shape.count / count : $0 }))
    return trace.record(operation, self)
  }
}
