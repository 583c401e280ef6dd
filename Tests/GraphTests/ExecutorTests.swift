import BLAS
import Kernels
import Testing

@testable import Graph

private struct Classifier {
  let graph: Graph
  let image: Tensor
  let label: Tensor
  let loss: Tensor
  let logits: Tensor

  init(microbatch: Int, dropping probability: Float = 0) throws {
    let trace = Trace(microbatch: microbatch)
    image = trace.input("image", perSample: [12])
    label = trace.input("label", perSample: Shape([]), of: .int32)
    var x = dense(
      image, weight: trace.parameter("a.weight", [12, 40], .heNormal),
      bias: trace.parameter("a.bias", [40], .zeros), activation: .relu)
    if probability > 0 { x = dropout(x, probability: probability) }
    logits = dense(
      x, weight: trace.parameter("b.weight", [40, 3], .glorotUniform),
      bias: trace.parameter("b.bias", [3], .zeros))
    loss = softmaxCrossEntropy(logits, labels: label)
    graph = try trace.finish(loss: loss, outputs: [logits])
  }

  /// Sets samples `first ..< first + microbatch` of an endless synthetic set whose label is where its mass lies.
  func set(_ executor: Executor, first: Int, training: Bool = true) {
    var features: [Float] = []
    var labels: [Int32] = []
    for sample in first..<first + graph.microbatch {
      let label = sample % 3
      labels.append(Int32(label))
      for i in 0..<12 {
        let noise = Philox.uniform(Philox(key: 9).block(at: sample * 12 + i, for: .synthetic).x)
        features.append(noise + (i / 4 == label ? 0.5 : 0))
      }
    }
    executor.setInput(image, to: features.span, training: training)
    executor.setInput(label, to: labels.span, training: training)
  }
}

@Suite struct ExecutorTests {
  @Test func plainGradientDescentLearns() throws {
    let model = try Classifier(microbatch: 30)
    let executor = Executor(model.graph, pool: ThreadPool(threads: 2), seed: 1)
    var losses: [Float] = []
    for step in 0..<60 {
      model.set(executor, first: 30 * step)
      executor.forward(training: true)
      losses.append(executor.elements(of: model.loss, training: true).reduce(0, +) / 30)
      executor.backward(scale: 1 / 30, accumulates: false)
      for i in 0..<model.graph.arenaCount {
        executor.parameters.base[i] -= 0.5 * (executor.gradients?.base[i] ?? .nan)
      }
    }
    #expect(losses[0] > 0.9 && losses.suffix(5).allSatisfy { $0 < 0.2 }, "\(losses)")
  }

  /// What makes any number of ranks compute the same run: a microbatch's draws depend on its place in the global batch.
  @Test func microbatchesComputeTheGradientOfTheWholeBatch() throws {
    let whole = try Classifier(microbatch: 24, dropping: 0.25)
    let pieces = try Classifier(microbatch: 6, dropping: 0.25)
    let a = Executor(whole.graph, pool: ThreadPool(threads: 1), seed: 1)
    let b = Executor(pieces.graph, pool: ThreadPool(threads: 1), seed: 1)
    whole.set(a, first: 0)
    a.forward(training: true, at: Position(step: 4, firstSample: 0))
    a.backward(scale: 1 / 24, accumulates: false)
    for piece in 0..<4 {
      pieces.set(b, first: 6 * piece)
      b.forward(training: true, at: Position(step: 4, firstSample: 6 * piece))
      b.backward(scale: 1 / 24, accumulates: piece > 0)
    }
    for i in 0..<whole.graph.arenaCount {
      let (x, y) = (a.gradients?.base[i] ?? .nan, b.gradients?.base[i] ?? .nan)
      #expect(abs(x - y) <= 1e-6 + 1e-4 * abs(x), "element \(i)")
    }
  }

  @Test func evaluationDropsNothing() throws {
    let with = try Classifier(microbatch: 6, dropping: 0.5)
    let without = try Classifier(microbatch: 6)
    let a = Executor(with.graph, pool: ThreadPool(threads: 1), seed: 1)
    let b = Executor(without.graph, pool: ThreadPool(threads: 1), seed: 1)
    with.set(a, first: 0, training: false)
    without.set(b, first: 0, training: false)
    a.forward(training: false)
    b.forward(training: false)
    #expect(a.elements(of: with.logits, training: false) == b.elements(of: without.logits, training: false))
  }

  @Test func theWatermarkFallsToZeroAndOnlyOverFinalGradients() throws {
    let model = try Classifier(microbatch: 6)
    let executor = Executor(model.graph, pool: ThreadPool(threads: 1), seed: 1)
    model.set(executor, first: 0)
    executor.forward(training: true)
    executor.backward(scale: 1, accumulates: false)
    let final = (0..<model.graph.arenaCount).map { executor.gradients?.base[$0] ?? .nan }
    for i in 0..<model.graph.arenaCount { executor.gradients?.base[i] = .nan }
    model.set(executor, first: 0)
    executor.forward(training: true)
    var marks: [Int] = []
    var early: [Int] = []
    executor.backward(scale: 1, accumulates: false) { mark, readsParameters in
      if readsParameters { early.append(mark) } else { marks.append(mark) }
      #expect(mark <= (marks + early).min() ?? mark)
      for parameter in model.graph.parameters where parameter.offset >= mark {
        for i in parameter.range { #expect(executor.gradients?.base[i] == final[i]) }
      }
    }
    #expect(marks == marks.sorted(by: >=) && marks.last == 0 && Set(marks).count > 2, "\(marks)")
    // A dense layer's parameters are done before the gradient of its input.
    #expect(early.contains { $0 > 0 && $0 < model.graph.arenaCount }, "\(early)")
  }

  @Test func aLabelOutsideTheClassesGivesNotANumber() throws {
    let model = try Classifier(microbatch: 3)
    let executor = Executor(model.graph, pool: ThreadPool(threads: 1), seed: 1)
    model.set(executor, first: 0)
    executor.setInput(model.label, to: ([0, 3, -1] as [Int32]).span, training: true)
    executor.forward(training: true)
    let losses = executor.elements(of: model.loss, training: true)
    #expect(losses[0].isFinite && losses[1].isNaN && losses[2].isNaN)
  }
}
