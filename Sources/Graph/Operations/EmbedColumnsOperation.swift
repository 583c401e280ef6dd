import Kernels

/// The columns of a table, ready for a dense layer: y[s] = features[s], tables[0][codes[s][0]], tables[1][codes[s][1]], ...
///
/// Inputs: codes [samples, columns] of int32, a table [cardinality, width] for each column, and features [samples, numeric], which may be
/// left out. y [samples, numeric + Σ widths]. A code outside its table gives elements that are not numbers.
/// Backward: each table's row gets the sum of the parts of dy of the samples that used it, samples ascending; dfeatures is the first
/// part of dy. One thread computes one table, so the order of additions depends on nothing else.
///
/// It is an embedding of each column and a concatenation in one pass. Source: C. Guo, F. Berkhahn, arXiv:1604.06737.
struct EmbedColumnsOperation: Operation {
  /// Tables among the inputs; the features, if there are any, come last.
  let tables: Int

  var name: String { "embedColumns" }
  var inputTypes: [ElementType] { [.int32] }
  var backwardReads: BackwardReads { .inputs(0) }

  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape {
    let codes = inputs[0]
    guard codes.rank == 2, codes[1] == tables else {
      throw ShapeError("expected codes [samples, \(tables)], a column for each table, found \(codes)")
    }
    for (column, table) in inputs[1...tables].enumerated() where table.rank != 2 {
      throw ShapeError("column \(column): expected a table [cardinality, width], found \(table)")
    }
    if inputs.count > 1 + tables, inputs[1 + tables].rank != 2 || inputs[1 + tables][0] != codes[0] {
      throw ShapeError("expected features [\(codes[0]), columns], found \(inputs[1 + tables])")
    }
    return [codes[0], inputs[1...].reduce(0) { $0 + $1.columns }]
  }

  /// Part 0 is the features', if there are any; then one part a table.
  func forward(_ context: ForwardContext) {
    let (samples, width) = (context.outputShape[0], context.outputShape[1])
    let (codes, y) = (context.indices(0), context.output)
    context.pool.run(over: samples, grain: rowGrain(width)) { range in
      for sample in range {
        var target = y + sample * width
        if context.hasInput(1 + tables) {
          let columns = context.shape(ofInput: 1 + tables).columns
          target.update(from: context.input(1 + tables) + sample * columns, count: columns)
          target += columns
        }
        for column in 0..<tables {
          let table = context.shape(ofInput: 1 + column)
          let code = Int(codes[sample * tables + column])
          if code >= 0 && code < table[0] {
            target.update(from: context.input(1 + column) + code * table[1], count: table[1])
          } else {
            target.update(repeating: .nan, count: table[1])
          }
          target += table[1]
        }
      }
    }
  }

  func backward(_ context: BackwardContext) {
    let hasFeatures = context.hasInput(1 + tables)
    let numeric = hasFeatures ? context.shape(ofInput: 1 + tables).columns : 0
    context.pool.run(tiles: tables) { column in
      guard let gradient = context.inputGradient(1 + column) else { return }
      let first = (0..<column).reduce(numeric) { $0 + context.shape(ofInput: 1 + $1).columns }
      addRows(of: column, first: first, context, to: gradient)
    }
    if hasFeatures, let gradient = context.inputGradient(1 + tables) {
      differentiateFeatures(numeric, context, into: gradient)
    }
  }

  private func addRows(
    of column: Int, first: Int, _ context: BackwardContext, to gradient: BackwardContext.Gradient
  ) {
    let (samples, width) = (context.outputShape[0], context.outputShape[1])
    let (codes, dy) = (context.indices(0), context.outputGradient)
    let table = context.shape(ofInput: 1 + column)
    if !gradient.accumulates { gradient.pointer.update(repeating: 0, count: table.count) }
    for sample in 0..<samples {
      let code = Int(codes[sample * tables + column])
      guard code >= 0, code < table[0] else { continue }
      Elementwise.add(table[1], to: gradient.pointer + code * table[1], dy + sample * width + first)
    }
  }

  private func differentiateFeatures(
    _ columns: Int, _ context: BackwardContext, into gradient: BackwardContext.Gradient
  ) {
    let (samples, width) = (context.outputShape[0], context.outputShape[1])
    let dy = context.outputGradient
    for sample in 0..<samples {
      let target = gradient.pointer + sample * columns
      if gradient.accumulates {
        Elementwise.add(columns, to: target, dy + sample * width)
      } else {
        target.update(from: dy + sample * width, count: columns)
      }
    }
  }
}

/// The columns of a table as one row of numbers a sample: numeric features, then the embedding of each categorical column.
///
/// - Parameters:
///   - codes: [samples, columns], int32; column c in 0..<cardinality of table c. A code outside gives elements that are not numbers.
///   - tables: for each column [cardinality, width], at least one table.
///   - features: [samples, numeric].
/// - Returns: [samples, numeric + Σ widths].
public func embedColumns(_ codes: Tensor, tables: [Tensor], beside features: Tensor? = nil) -> Tensor {
  guard !tables.isEmpty else {
    return codes.trace.fail(ShapeError("expected at least one table", place: "embedColumns"))
  }
  let inputs = [codes] + tables + (features.map { [$0] } ?? [])
  return codes.trace.record(EmbedColumnsOperation(tables: tables.count), inputs)
}
