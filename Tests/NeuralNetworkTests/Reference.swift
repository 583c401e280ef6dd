import BLAS
import Foundation
import Graph
import Optimizers
import Testing

/// The losses of one model's first steps in PyTorch, from the weights and data of `Generator`. Made by `scripts/reference/models.py`.
struct Reference: Decodable {
  struct Training: Decodable {
    var kind: String
    var learningRate: Double
    var momentum: Double
    var weightDecay: Double

    var optimizer: any Optimizer {
      kind == "adamw"
        ? AdamW(weightDecay: weightDecay) : SGD(momentum: momentum, weightDecay: weightDecay)
    }
  }

  var batch: Int
  var optimizer: Training
  /// Names and shapes, in the order in which the model meets them.
  var parameters: [String]
  /// Mean loss of the batch at each step.
  var losses: [Double]

  init(_ model: String) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(
      path: "References/\(model).json")
    self = try JSONDecoder().decode(Reference.self, from: Data(contentsOf: file))
  }

  /// An input of the graph and its elements for the whole batch.
  enum Input {
    case values(Tensor, [Float])
    case integers(Tensor, [Int32])

    /// Sets the part of one microbatch.
    func set(_ executor: Executor, part: Int) {
      switch self {
      case .values(let tensor, let all):
        let count = tensor.shape.count
        let elements = Array(all[part * count..<(part + 1) * count])
        executor.setInput(tensor, to: elements.span, training: true)
      case .integers(let tensor, let all):
        let count = tensor.shape.count
        let elements = Array(all[part * count..<(part + 1) * count])
        executor.setInput(tensor, to: elements.span, training: true)
      }
    }
  }

  /// A classifier's loss, with features and labels as the script draws them.
  static func classified(
    _ trace: Trace, batch: Int, features: Shape = [20], classes: Int, _ model: (Tensor) -> Tensor
  ) -> (loss: Tensor, inputs: [Input]) {
    let x = trace.input("features", perSample: features)
    let labels = trace.input("labels", perSample: Shape([]), of: .int32)
    return (
      softmaxCrossEntropy(model(x), labels: labels),
      [
        .values(x, Generator.values("features", count: batch * features.count)),
        .integers(labels, Generator.integers("labels", count: batch, below: classes)),
      ]
    )
  }

  /// Trains as the script does, and expects its losses within 1e-4 of them.
  ///
  /// - Parameters:
  ///   - microbatches: that the batch is cut into. More than one only where no operation looks at a microbatch as a whole.
  ///   - model: traces the model over a microbatch and names its inputs.
  func expectLosses(
    microbatches: Int = 1, threads: Int = 2, location: SourceLocation = #_sourceLocation,
    _ model: (Trace) -> (loss: Tensor, inputs: [Input])
  ) throws {
    let trace = Trace(microbatch: batch / microbatches)
    let (loss, inputs) = model(trace)
    let graph = try trace.finish(loss: loss, outputs: [])
    let found = graph.parameters.filter { $0.momentum == nil }.map { "\($0.name) \($0.shape)" }
    #expect(found == parameters, sourceLocation: location)

    let pool = ThreadPool(threads: threads)
    let executor = Executor(graph, pool: pool, seed: 1)
    for parameter in graph.parameters where parameter.momentum == nil {
      let first = Generator.parameter(parameter.name, parameter.shape.extents)
      executor.parameters.withMutableElements(parameter.range) { elements in
        for index in elements.indices { elements[index] = first[index] }
      }
    }
    let rule = optimizer.optimizer
    let state = Arena(count: rule.stateCount * graph.arenaCount)
    let pieces = UpdatePieces(graph)
    guard let gradients = executor.gradients else { return }
    let count = loss.shape.count * microbatches
    for (step, expected) in losses.enumerated() {
      var sum = 0.0
      for part in 0..<microbatches {
        for input in inputs { input.set(executor, part: part) }
        executor.forward(
          training: true, at: Position(step: step, firstSample: part * batch / microbatches))
        sum += executor.elements(of: loss, training: true).reduce(0) { $0 + Double($1) }
        executor.backward(scale: 1 / Float(count), accumulates: part > 0)
      }
      rule.update(
        pieces, graph, parameters: executor.parameters, gradients: gradients, state: state,
        at: UpdateStep(step: step, learningRate: optimizer.learningRate), on: pool)
      let loss = sum / Double(count)
      #expect(
        abs(loss - expected) <= 1e-4 * abs(expected), "step \(step): expected \(expected), found \(loss)",
        sourceLocation: location)
    }
  }
}
