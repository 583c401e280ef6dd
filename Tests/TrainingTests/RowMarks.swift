import Graph

/// Adds the number of the row to its first column: what a sample's row in a product may do to its bits, for all to see.
struct RowMarks: Operation {
  var name: String { "rowMarks" }
  var backwardReads: BackwardReads { .nothing }
  func outputShape(_ inputs: [Shape]) -> Shape { inputs[0] }
  func backward(_ context: BackwardContext) {}

  func forward(_ context: ForwardContext) {
    let shape = context.shape(ofInput: 0)
    let width = shape.count / shape[0]
    for i in 0..<shape.count {
      context.output[i] = context.input(0)[i] + (i % width == 0 ? Float(i / width) : 0)
    }
  }
}
