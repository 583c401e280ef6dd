import Kernels

/// y = the inputs one after the other along an axis. Backward: each input's gradient is its part of dy.
struct ConcatenateOperation: Operation {
  let axis: Int
  /// For each input, where its part begins in y, and the copies there and back.
  let parts: [(offset: Int, there: StridedCopy, back: StridedCopy)]
  let output: Shape

  /// Nil where the kernels would need too many loops. All shapes are equal but for the axis.
  init?(_ shapes: [Shape], axis: Int) {
    var extents = shapes[0].extents
    extents[axis] = shapes.reduce(0) { $0 + $1[axis] }
    let whole = StridedAxes.rowMajor(extents)
    var first = 0
    var parts: [(offset: Int, there: StridedCopy, back: StridedCopy)] = []
    for shape in shapes {
      let own = StridedAxes.rowMajor(shape.extents)
      guard let there = StridedCopy(shape.extents, from: own, to: whole),
        let back = StridedCopy(shape.extents, from: whole, to: own)
      else { return nil }
      parts.append((first * whole[axis], there, back))
      first += shape[axis]
    }
    self.axis = axis
    self.parts = parts
    output = Shape(extents)
  }

  var name: String { "concatenate" }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { output }
  var backwardReads: BackwardReads { .nothing }

  func forward(_ context: ForwardContext) {
    for (index, part) in parts.enumerated() {
      let (x, y) = (context.input(index), context.output + part.offset)
      context.pool.run(over: part.there.count, grain: elementwiseGrain) {
        part.there.run($0, x, to: y, accumulate: false)
      }
    }
  }

  func backward(_ context: BackwardContext) {
    for (index, part) in parts.enumerated() {
      guard let gradient = context.inputGradient(index) else { continue }
      let dy = context.outputGradient + part.offset
      context.pool.run(over: part.back.count, grain: elementwiseGrain) {
        part.back.run($0, dy, to: gradient.pointer, accumulate: gradient.accumulates)
      }
    }
  }
}

/// Tensors one after the other along an axis.
///
/// - Parameters:
///   - tensors: at least one; their shapes are equal but for the axis.
///   - axis: negative counts from the end.
public func concatenate(_ tensors: [Tensor], axis: Int) -> Tensor {
  guard let first = tensors.first else {
    preconditionFailure("concatenate: expected at least 1 tensor, found none")
  }
  let chosen = axis < 0 ? axis + first.shape.rank : axis
  let others = { (shape: Shape) in shape.extents.enumerated().filter { $0.offset != chosen }.map(\.element) }
  let fits = tensors.allSatisfy {
    $0.shape.rank == first.shape.rank && others($0.shape) == others(first.shape)
  }
  guard first.shape.extents.indices.contains(chosen), fits,
    let operation = ConcatenateOperation(tensors.map(\.shape), axis: chosen)
  else {
    let found = tensors.map(\.shape.description).joined(separator: ", ")
    let reason = "expected shapes that are equal but for axis \(axis), found \(found)"
    return first.trace.fail(ShapeError(reason, place: "concatenate"))
  }
  return first.trace.record(operation, tensors)
}
