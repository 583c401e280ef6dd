import Kernels

/// y[...][c] = table[indices[...]][c], plus positions[t][c] at position t of a sequence where there are positions.
///
/// Shapes: indices [..., time] of int32, table [rows, width], positions [context, width] with context ≥ time, y [..., time, width].
/// Backward: dtable[r] = Σ dy over the places where r was chosen, in their order; dpositions[t] = Σ dy over the sequences. An index
/// outside the table gives a row that is not a number, and no gradient.
struct EmbeddingOperation: Operation {
  var name: String { "embedding" }
  var inputTypes: [ElementType] { [.int32] }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let (indices, table) = (inputs[0], inputs[1])
    guard table.rank == 2, indices.rank >= 1 else {
      throw ShapeError("expected indices [..., time] and table [rows, width], found \(indices) and \(table)")
    }
    if inputs.count == 3 {
      let positions = inputs[2]
      guard positions.rank == 2, positions[1] == table[1], positions[0] >= indices.columns else {
        throw ShapeError(
          """
          expected positions [context, \(table[1])] with a context of at least \(indices.columns), found \
          \(positions)
          """)
      }
    }
    return Shape(indices.extents + [table[1]])
  }

  var backwardReads: BackwardReads { .inputs(0) }

  func forward(_ context: ForwardContext) {
    let (count, times) = (context.shape(ofInput: 0).count, context.shape(ofInput: 0).columns)
    let (rows, width) = (context.shape(ofInput: 1)[0], context.outputShape.columns)
    let (indices, table, output) = (context.indices(0), context.input(1), context.output)
    let positions = context.hasInput(2) ? context.input(2) : nil
    context.pool.run(over: count, grain: rowGrain(width)) {
      EmbeddingKernels.gather(
        $0.count, width: width, indices: indices + $0.lowerBound, table: table, rows: rows,
        positions: positions, first: $0.lowerBound, period: times, into: output + $0.lowerBound * width)
    }
  }

  func backward(_ context: BackwardContext) {
    let (count, times) = (context.shape(ofInput: 0).count, context.shape(ofInput: 0).columns)
    let (rows, width) = (context.shape(ofInput: 1)[0], context.outputShape.columns)
    let (indices, dy) = (context.indices(0), context.outputGradient)
    if let table = context.inputGradient(1) {
      if !table.accumulates { clear(table.pointer, rows * width, context) }
      // Columns are cut, not rows: the work is even however the indices are spread, and each sum has one order.
      context.pool.run(over: width, grain: 64) {
        EmbeddingKernels.scatter(
          count, columns: $0.count, width: width, indices: indices, dy: dy + $0.lowerBound,
          into: table.pointer + $0.lowerBound, rows: rows)
      }
    }
    if context.hasInput(2), let positions = context.inputGradient(2) {
      let held = context.shape(ofInput: 2)[0]
      context.pool.run(over: times, grain: rowGrain(width)) {
        EmbeddingKernels.sumOverRepeats(
          $0, period: times, repeats: count / times, width: width, dy: dy, into: positions.pointer,
          accumulate: positions.accumulates)
      }
      if !positions.accumulates {
        clear(positions.pointer + times * width, (held - times) * width, context)
      }
    }
  }

  private func clear(_ target: UnsafeMutablePointer<Float>, _ count: Int, _ context: BackwardContext) {
    context.pool.run(over: count, grain: 4 * elementwiseGrain) {
      (target + $0.lowerBound).update(repeating: 0, count: $0.count)
    }
  }
}

/// The rows of a table that indices choose: words as vectors.
///
/// - Parameters:
///   - indices: [..., time], int32 in 0..<rows. An index outside gives a row that is not a number.
///   - table: [rows, width].
///   - positions: [context, width], context ≥ time: row t is added at position t of each sequence.
/// - Returns: [..., time, width].
public func embedding(
  _ indices: Tensor, table: Tensor, positions: Tensor? = nil, name: String? = nil
) -> Tensor {
  indices.trace.record(
    EmbeddingOperation(), [indices, table] + (positions.map { [$0] } ?? []), name: name)
}
