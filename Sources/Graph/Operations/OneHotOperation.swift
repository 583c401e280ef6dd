/// y[...][c] = 1 where c = labels[...], else 0; a row of NaN for a label outside 0..<classes.
///
/// Shapes: labels [...] of int32, y [..., classes]. There is nothing to differentiate by.
struct OneHotOperation: Operation {
  let classes: Int

  var name: String { "oneHot" }
  var inputTypes: [ElementType] { [.int32] }
  var backwardReads: BackwardReads { .nothing }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    guard classes >= 1 else { throw ShapeError("expected at least 1 class, found \(classes)") }
    return Shape(inputs[0].extents + [classes])
  }

  func forward(_ context: ForwardContext) {
    let (labels, output) = (context.indices(0), context.output)
    context.pool.run(over: context.outputShape.rows, grain: rowGrain(classes)) {
      for row in $0 {
        let y = output + row * classes
        let label = Int(labels[row])
        let isClass = 0 <= label && label < classes
        y.update(repeating: isClass ? 0 : .nan, count: classes)
        if isClass { y[label] = 1 }
      }
    }
  }

  func backward(_ context: BackwardContext) {}
}

/// Labels as rows of a 1 among zeros, which losses of elements take as targets.
///
/// - Parameter labels: [...], int32 in 0..<classes. Any other label gives a row that is not a number.
/// - Returns: [..., classes].
public func oneHot(_ labels: Tensor, classes: Int) -> Tensor {
  labels.trace.record(OneHotOperation(classes: classes), labels)
}
