import BLAS
import Foundation
import Graph
import NeuralNetwork
import Testing

/// The losses of a network against their formulas in double precision, and its gradients against differences of these.
@Suite struct NetworkLossTests {
  /// From the outputs of a sample and its target (a class or a value) to its loss.
  typealias Formula = @Sendable ([Double], Double) -> Double

  private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

  private static func logSoftmax(_ x: [Double]) -> [Double] {
    let sum = log(x.reduce(0) { $0 + exp($1) })
    return x.map { $0 - sum }
  }

  private static func focal(_ z: Double, _ answer: Bool, _ alpha: Double, _ gamma: Double) -> Double {
    let p = sigmoid(answer ? z : -z)
    return -(answer ? alpha : 1 - alpha) * pow(1 - p, gamma) * log(p)
  }

  static let ofClasses: [(loss: Loss, classes: Int, formula: Formula)] = [
    (.crossEntropy(), 3, { -logSoftmax($0)[Int($1)] }),
    (
      .crossEntropy(smoothing: 0.25, classWeights: [0.5, 2, 1]), 3,
      { x, label in
        let (logs, weights) = (logSoftmax(x), [0.5, 2, 1])
        let spread = zip(logs, weights).reduce(0) { $0 + $1.0 * $1.1 } / 3
        return -0.75 * weights[Int(label)] * logs[Int(label)] - 0.25 * spread
      }
    ),
    // Of two classes it is the cross-entropy of the softmax.
    (.binaryCrossEntropy, 2, { -logSoftmax($0)[Int($1)] }),
    (
      .binaryCrossEntropy, 3,
      { x, label in
        x.enumerated().reduce(0) { $0 - log(sigmoid($1.offset == Int(label) ? $1.element : -$1.element)) } / 3
      }
    ),
    (.focal(alpha: 0.75, gamma: 1.5), 2, { focal($0[1] - $0[0], $1 == 1, 0.75, 1.5) }),
    (
      .focal(alpha: 0.25, gamma: 2), 4,
      { x, label in
        x.enumerated().reduce(0) { $0 + focal($1.element, $1.offset == Int(label), 0.25, 2) } / 4
      }
    ),
  ]

  static let ofValues: [(loss: Loss, formula: Formula)] = [
    (.squaredError, { pow($0[0] - $1, 2) }), (.absoluteError, { abs($0[0] - $1) }),
    (
      .huber(delta: 0.5),
      { x, t in
        let e = abs(x[0] - t)
        return e <= 0.5 ? e * e / 2 : 0.5 * (e - 0.25)
      }
    ),
  ]

  private func expect(_ loss: Loss, _ task: NeuralNetwork.Task, _ formula: Formula) throws {
    let (samples, outputs) = (6, task.outputs)
    let network = try Network(microbatch: samples, featureCount: 5, task: task, loss: loss) {
      Dense("output", outputs)($0)
    }
    #expect(network.lossFunction == loss)
    #expect(network.output.shape == [samples, outputs] && network.loss.shape == [samples])
    let executor = Executor(network.graph, pool: ThreadPool(threads: 2), seed: 4)
    let features = Generator.values("features", count: samples * 5).map { 3 * $0 }
    executor.setInput(network.features, to: features.span, training: true)
    let classes = (0..<samples).map { Int32($0 % outputs) }
    let values = (0..<samples).map { Float($0) / 2 - 1 }
    let isClassifier = outputs > 1
    if isClassifier {
      executor.setInput(network.target, to: classes.span, training: true)
    } else {
      executor.setInput(network.target, to: values.span, training: true)
    }
    executor.forward(training: true)
    let output = executor.elements(of: network.output, training: true).map(Double.init)
    let losses = executor.elements(of: network.loss, training: true)
    executor.backward(scale: 1, accumulates: false)
    func row(_ sample: Int) -> [Double] { Array(output[sample * outputs..<(sample + 1) * outputs]) }
    func target(_ sample: Int) -> Double { isClassifier ? Double(classes[sample]) : Double(values[sample]) }
    for sample in 0..<samples {
      let expected = formula(row(sample), target(sample))
      #expect(abs(Double(losses[sample]) - expected) < 2e-6 * max(1, expected), "\(loss), sample \(sample)")
    }
    // The gradient by a bias is the sum over samples of that by the sample's output.
    let bias = try #require(network.graph.parameters.first { $0.name == "output.bias" })
    let gradients = try #require(executor.gradients)
    for column in 0..<outputs {
      let expected = (0..<samples).reduce(0) { sum, sample in
        func shifted(_ by: Double) -> Double {
          var x = row(sample)
          x[column] += by
          return formula(x, target(sample))
        }
        return sum + (shifted(1e-5) - shifted(-1e-5)) / 2e-5
      }
      let found = Double(gradients.elements[bias.offset + column])
      #expect(abs(found - expected) < 1e-5, "\(loss), output \(column)")
    }
  }

  @Test func lossesOfClassesFollowTheirFormulas() throws {
    for (loss, classes, formula) in Self.ofClasses {
      try expect(loss, .classification(classes: classes), formula)
    }
  }

  @Test func lossesOfValuesFollowTheirFormulas() throws {
    for (loss, formula) in Self.ofValues { try expect(loss, .regression(outputs: 1), formula) }
  }

  @Test func theUsualLossIsThatOfTheTask() {
    #expect(Loss.usual(for: .classification(classes: 3)) == .crossEntropy())
    #expect(Loss.usual(for: .nextToken(vocabulary: 3)) == .crossEntropy())
    #expect(Loss.usual(for: .regression(outputs: 2)) == .squaredError)
  }

  @Test func aLossThatDoesNotFitTheTaskIsRefused() {
    #expect {
      try Network(microbatch: 4, featureCount: 5, task: .classification(classes: 3), loss: .huber(delta: 1)) {
        Dense("output", 3)($0)
      }
    } throws: { "\($0)" == "loss: huber(delta: 1.0) does not fit a classification(classes: 3)" }
    for loss in [Loss.crossEntropy(), .binaryCrossEntropy, .focal()] {
      #expect(!loss.fits(.regression(outputs: 1)))
    }
    for loss in [Loss.squaredError, .absoluteError, .huber(), .binaryCrossEntropy, .focal()] {
      #expect(!loss.fits(.nextToken(vocabulary: 5)))
    }
  }
}
