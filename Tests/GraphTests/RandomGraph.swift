import Kernels

@testable import Graph

/// The same elements as rows of another length.
private struct ViewOperation: Operation {
  let shape: Shape
  var name: String { "view" }
  var backwardReads: BackwardReads { .nothing }
  var isView: Bool { true }
  func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { shape }
  func forward(_ context: ForwardContext) { preconditionFailure("a view computes nothing") }
  func backward(_ context: BackwardContext) { preconditionFailure("a view computes nothing") }
}

/// A random graph of the operations at hand: chains, sums of earlier results, views, shared weights, blocks.
///
/// - Parameter recomputes: whether the blocks are computed again for backward.
func randomGraph(
  seed: UInt64, recomputes: Bool = true
) throws -> (graph: Graph, x: Tensor, loss: Tensor) {
  let generator = Philox(key: seed)
  var drawn = 0
  func draw(below bound: Int) -> Int {
    drawn += 1
    return Int(generator.block(at: drawn, for: .synthetic).x) % bound
  }
  let trace = Trace(microbatch: 6)
  let x = trace.input("x", perSample: [8])
  let shared = trace.parameter("shared", [8, 8], .heNormal)
  var results = [x]
  /// Through a layer of another width and back, so that buffers differ in size.
  func detour(_ a: Tensor, _ index: Int) -> Tensor {
    let width = 1 + draw(below: 60)
    let there = trace.parameter("there\(index)", [8, width], .heNormal)
    let back = trace.parameter("back\(index)", [width, 8], .heNormal)
    return dense(relu(dense(a, weight: there, activation: .gelu)), weight: back)
  }
  func view(_ a: Tensor) -> Tensor {
    let (rows, columns) = (a.shape.rows, a.shape.columns)
    let halves = trace.record(ViewOperation(shape: [2 * rows, columns / 2]), a)
    // Element-wise operations on a view may work in place, or must not.
    let changed = draw(below: 2) == 0 ? gelu(halves) : relu(halves)
    return trace.record(ViewOperation(shape: a.shape), changed)
  }
  /// A few layers, with sums and views between them, as a block.
  func block(_ a: Tensor, _ outside: Tensor) -> Tensor {
    let body = {
      var y = dense(dropout(a, probability: 0.2), weight: shared, activation: .gelu)
      if draw(below: 2) == 0 { y = view(y) + a }
      if draw(below: 2) == 0 { y = tanh(y) + outside }
      return dense(view(outside), weight: shared, activation: .relu) + gelu(y)
    }
    return recomputes ? trace.recomputed(body) : body()
  }
  for index in 0..<3 + draw(below: 20) {
    let a = results[draw(below: results.count)]
    let b = results[draw(below: results.count)]
    switch draw(below: 11) {
    case 6: results.append(detour(a, index))
    case 8: results.append(view(a))
    case 9, 10: results.append(block(a, b))
    case 0: results.append(a + b)
    case 1: results.append(relu(a))
    case 2: results.append(gelu(a))
    case 3: results.append(dropout(a, probability: 0.3))
    case 4: results.append(dense(a, weight: shared, activation: .tanh))
    case 5:
      let bias = trace.parameter("b\(index)", [8], .zeros)
      results.append(
        dense(a, weight: trace.parameter("w\(index)", [8, 8], .heNormal), bias: bias, activation: .gelu))
    default: results.append(tanh(a))
    }
  }
  let last = dense(results.last ?? x, weight: shared)
  let loss = meanSquaredError(last, target: results[draw(below: results.count)])
  return (try trace.finish(loss: loss, outputs: [last]), x, loss)
}
