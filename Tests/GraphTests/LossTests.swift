import BLAS
import Foundation
import Kernels
import Testing

@testable import Graph

/// A number in (-limit, limit), the same for the same place.
private func draw(_ place: Int, _ limit: Float = 1) -> Float {
  (2 * Philox.uniform(Philox(key: 21).block(at: place, for: .synthetic).x) - 1) * limit
}

/// A traced loss over a parameter [rows, columns], so that its gradient can be read.
private struct Traced {
  let executor: Executor
  let loss: Tensor
  let target: Tensor

  init(
    rows: Int, columns: Int, labels: Bool, threads: Int = 1, limit: Float = 4,
    _ body: (Tensor, Tensor) -> Tensor
  ) throws {
    let trace = Trace(microbatch: rows)
    let x = trace.parameter("x", [rows, columns], .uniform(limit: limit))
    target =
      labels
      ? trace.input("labels", perSample: Shape([]), of: .int32)
      : trace.input("target", perSample: [columns])
    loss = body(x, target)
    let graph = try trace.finish(loss: loss, outputs: [])
    executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 3)
  }

  var x: UnsafeMutablePointer<Float> { executor.parameters.base }

  /// The losses, and the gradient of `scale` times their sum.
  func run(scale: Float = 1) -> (losses: [Float], gradient: [Float]) {
    executor.forward(training: true)
    let losses = executor.elements(of: loss, training: true)
    executor.backward(scale: scale, accumulates: false)
    let range = executor.graph.parameters[0].range
    return (losses, range.map { executor.gradients?.base[$0] ?? .nan })
  }
}

@Suite struct SoftmaxCrossEntropyTests {
  struct Options: Sendable, CustomStringConvertible {
    var smoothing: Float = 0
    var ignored: Int32?
    var isWeighted = false

    static let all = [0, 0.1, 1].flatMap { smoothing in
      [nil, -100, 1].flatMap { ignored in
        [false, true].map { Options(smoothing: smoothing, ignored: ignored, isWeighted: $0) }
      }
    }

    func weights(_ columns: Int) -> [Float]? {
      isWeighted ? (0..<columns).map { 0.25 + Float($0 % 5) } : nil
    }

    var description: String {
      "smoothing \(smoothing), ignored \(ignored.map(String.init) ?? "none"), weighted \(isWeighted)"
    }
  }

  /// The formula in double precision.
  private func expected(_ x: [Float], _ label: Int, _ options: Options) -> (loss: Double, gradient: [Double])
  {
    let columns = x.count
    if let ignored = options.ignored, label == Int(ignored) {
      return (0, Array(repeating: 0, count: columns))
    }
    let top = Double(x.max() ?? 0)
    let sum = x.reduce(0) { $0 + exp(Double($1) - top) }
    let logs = x.map { Double($0) - top - log(sum) }
    let weights = (options.weights(columns) ?? Array(repeating: 1, count: columns)).map(Double.init)
    let smoothing = Double(options.smoothing)
    let targets = (0..<columns).map {
      weights[$0] * (($0 == label ? 1 - smoothing : 0) + smoothing / Double(columns))
    }
    let all = targets.reduce(0, +)
    return (
      -zip(targets, logs).reduce(0) { $0 + $1.0 * $1.1 },
      zip(targets, logs).map { exp($1) * all - $0 }
    )
  }

  @Test(arguments: [1, 2, 10, 15, 16, 17, 33, 256], Options.all)
  func lossesAndGradientsAreThoseOfTheFormula(_ columns: Int, _ options: Options) throws {
    let rows = 7
    let traced = try Traced(rows: rows, columns: columns, labels: true) {
      softmaxCrossEntropy(
        $0, labels: $1, smoothing: options.smoothing, ignored: options.ignored,
        classWeights: options.weights(columns))
    }
    let labels = (0..<rows).map {
      $0 == 3 && options.ignored == -100 ? -100 : Int32(5 * $0 % columns)
    }
    traced.executor.setInput(traced.target, to: labels.span, training: true)
    let found = traced.run(scale: 0.5)
    for row in 0..<rows {
      let x = (0..<columns).map { traced.x[row * columns + $0] }
      let wanted = expected(x, Int(labels[row]), options)
      #expect(abs(Double(found.losses[row]) - wanted.loss) < 4e-6 * max(1, wanted.loss), "row \(row)")
      for c in 0..<columns {
        let difference = abs(Double(found.gradient[row * columns + c]) - 0.5 * wanted.gradient[c])
        #expect(difference < 3e-6, "row \(row), column \(c)")
      }
    }
  }

  @Test func leadingAxesAreRows() throws {
    let report = try gradientReport([[2, 3, 4, 5]], microbatch: 2, .sharedResults, classes: 5) {
      softmaxCrossEntropy($0, labels: $1, smoothing: 0.2, ignored: 2)
    }
    #expect(report.worst < 1e-3 && report.checked == 120, "\(report)")
  }

  @Test(arguments: GradientCheck.Wiring.allCases, Options.all)
  func backwardIsTheDerivative(_ wiring: GradientCheck.Wiring, _ options: Options) throws {
    let report = try gradientReport([[6, 5]], microbatch: 6, wiring, classes: 5) {
      softmaxCrossEntropy(
        $0, labels: $1, smoothing: options.smoothing, ignored: options.ignored,
        classWeights: options.weights(5))
    }
    #expect(report.worst < 1e-3, "\(report)")
    #expect(report.checked > 9 * report.skipped, "\(report)")
  }

  private func gradientReport(
    _ shapes: [Shape], microbatch: Int, _ wiring: GradientCheck.Wiring, classes: Int,
    _ body: (Tensor, Tensor) -> Tensor
  ) throws -> GradientCheck.Report {
    let perSample = Array(shapes[0].extents.dropFirst().dropLast())
    let count = shapes[0].rows
    var labels: Tensor?
    func prepare(_ executor: Executor) {
      guard let labels else { return }
      let values = (0..<count).map { Int32(3 * $0 % classes) }
      executor.setInput(labels, to: values.span, training: true)
    }
    return try GradientCheck.run(
      shapes, microbatch: microbatch, wiring: wiring, prepare: prepare
    ) { trace, x in
      let target = labels ?? trace.input("label", perSample: Shape(perSample), of: .int32)
      labels = target
      return body(x[0], target)
    }
  }

  @Test func largeLogitsNeitherOverflowNorLoseTheLoss() throws {
    let traced = try Traced(rows: 3, columns: 4, labels: true) { softmaxCrossEntropy($0, labels: $1) }
    let rows: [[Float]] = [[1e4, 1e4 - 2, 0, -1e4], [-3e38, -3e38, -3e38, -3e38], [3e38, -3e38, 0, 0]]
    for (row, values) in rows.enumerated() {
      for c in 0..<4 { traced.x[4 * row + c] = values[c] }
    }
    traced.executor.setInput(traced.target, to: ([0, 2, 0] as [Int32]).span, training: true)
    let found = traced.run()
    #expect(abs(found.losses[0] - 0.126928) < 1e-5)
    #expect(abs(found.losses[1] - 1.386294) < 1e-5)
    #expect(found.losses[2] == 0)
    #expect(abs(found.gradient[0] + 0.119203) < 1e-5 && abs(found.gradient[1] - 0.119203) < 1e-5)
  }

  @Test func notANumberAndInfinityBehaveAsTheFormulaDoes() throws {
    let traced = try Traced(rows: 4, columns: 3, labels: true) { softmaxCrossEntropy($0, labels: $1) }
    let infinity = Float.infinity
    let rows: [[Float]] = [[0, .nan, 1], [0, -infinity, 0], [0, -infinity, 0], [0, infinity, 0]]
    for (row, values) in rows.enumerated() {
      for c in 0..<3 { traced.x[3 * row + c] = values[c] }
    }
    traced.executor.setInput(traced.target, to: ([0, 0, 1, 1] as [Int32]).span, training: true)
    let found = traced.run()
    #expect(found.losses[0].isNaN && found.gradient[0..<3].allSatisfy(\.isNaN))
    #expect(abs(found.losses[1] - 0.693147) < 1e-5 && found.gradient[4] == 0)
    #expect(found.losses[2] == infinity)
    #expect(found.losses[3].isNaN)
  }

  @Test func aLabelOutsideIsNeverReadAsAnIndex() throws {
    let traced = try Traced(rows: 4, columns: 3, labels: true) {
      softmaxCrossEntropy($0, labels: $1, ignored: -1)
    }
    let labels: [Int32] = [-1, 3, .min, .max]
    traced.executor.setInput(traced.target, to: labels.span, training: true)
    let found = traced.run()
    #expect(found.losses[0] == 0 && found.gradient[0..<3].allSatisfy { $0 == 0 })
    #expect(found.losses[1...].allSatisfy(\.isNaN) && found.gradient[3...].allSatisfy(\.isNaN))
  }

  @Test(arguments: [2, 3, 4]) func anyNumberOfThreadsComputesTheSameBits(_ threads: Int) throws {
    func bits(_ threads: Int) throws -> [UInt32] {
      let rows = 3001
      let traced = try Traced(rows: rows, columns: 37, labels: true, threads: threads) {
        softmaxCrossEntropy($0, labels: $1, smoothing: 0.1)
      }
      let labels = (0..<rows).map { Int32($0 % 37) }
      traced.executor.setInput(traced.target, to: labels.span, training: true)
      let found = traced.run()
      return (found.losses + found.gradient).map(\.bitPattern)
    }
    let (found, alone) = (try bits(threads), try bits(1))
    #expect(found == alone)
  }

  @Test func mistakesAreFoundInTheTrace() throws {
    func message(_ body: (Tensor, Tensor) -> Tensor) -> String {
      do {
        _ = try Traced(rows: 4, columns: 3, labels: true, body)
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(
      message { softmaxCrossEntropy($0, labels: $1, smoothing: 1.5) }
        == "softmaxCrossEntropy: expected a smoothing in 0...1, found 1.5")
    #expect(
      message { softmaxCrossEntropy($0, labels: $1, classWeights: [1, 2]) }
        == "softmaxCrossEntropy: expected 3 class weights, found 2")
    #expect(
      message { softmaxCrossEntropy($0 + $0, labels: $1.trace.input("l", perSample: [2], of: .int32)) }
        == "softmaxCrossEntropy: expected logits [..., classes] and labels [...], found [4, 3] and [4, 2]")
  }

  /// The logits of a large vocabulary are what a language model has most of: their gradient takes their place.
  @Test func theGradientTakesThePlaceOfTheLogits() throws {
    func run(reuse: Bool, outputs: Bool = false) throws -> (executor: Executor, bits: [UInt32]) {
      let trace = Trace(microbatch: 8)
      let x = trace.input("x", perSample: [4])
      let labels = trace.input("labels", perSample: Shape([]), of: .int32)
      let logits = dense(x, weight: trace.parameter("w", [4, 1000], .heNormal))
      let loss = softmaxCrossEntropy(logits, labels: labels)
      let graph = try trace.finish(loss: loss, outputs: outputs ? [logits] : [])
      let executor = Executor(graph, pool: ThreadPool(threads: 2), seed: 1, reuse: reuse)
      let (features, classes) = ((0..<32).map { draw($0) }, (0..<8).map { Int32(99 * $0) })
      executor.setInput(x, to: features.span, training: true)
      executor.setInput(labels, to: classes.span, training: true)
      executor.forward(training: true)
      let losses = executor.elements(of: loss, training: true)
      executor.backward(scale: 1, accumulates: false)
      let gradient = (0..<4000).map { executor.gradients?.base[$0] ?? .nan }
      return (executor, (losses + gradient).map(\.bitPattern))
    }
    let oracle = try run(reuse: false)
    for outputs in [false, true] {
      let found = try run(reuse: true, outputs: outputs)
      #expect(found.bits == oracle.bits)
      #expect(found.executor.activationBytes < 4 * 8 * 1000 + 1000)
    }
  }
}

@Suite struct ElementLossTests {
  enum Kind: String, CaseIterable, Sendable {
    case squared, absolute, huber, crossEntropy, weightedCrossEntropy, focal, focalWithoutFocus

    func callAsFunction(_ x: Tensor, _ target: Tensor) -> Tensor {
      switch self {
      case .squared: meanSquaredError(x, target: target)
      case .absolute: meanAbsoluteError(x, target: target)
      case .huber: huberLoss(x, target: target, delta: 0.6)
      case .crossEntropy: binaryCrossEntropy(x, target: target)
      case .weightedCrossEntropy: binaryCrossEntropy(x, target: target, positiveWeight: 3)
      case .focal: focalLoss(x, target: target)
      case .focalWithoutFocus: focalLoss(x, target: target, alpha: 0.5, gamma: 0)
      }
    }

    /// The formula in double precision.
    func expected(_ x: Double, _ t: Double) -> Double {
      let (e, p) = (abs(x - t), 1 / (1 + exp(-x)))
      let (yes, no) = (-log(p), -log(1 - p))
      return switch self {
      case .squared: e * e
      case .absolute: e
      case .huber: e <= 0.6 ? e * e / 2 : 0.6 * (e - 0.3)
      case .crossEntropy: t * yes + (1 - t) * no
      case .weightedCrossEntropy: 3 * t * yes + (1 - t) * no
      case .focal: 0.25 * t * (1 - p) * (1 - p) * yes + 0.75 * (1 - t) * p * p * no
      case .focalWithoutFocus: (t * yes + (1 - t) * no) / 2
      }
    }
  }

  @Test(arguments: Kind.allCases, [1, 3, 16, 50])
  func lossesAreThoseOfTheFormula(_ kind: Kind, _ columns: Int) throws {
    let rows = 21
    let traced = try Traced(rows: rows, columns: columns, labels: false, limit: 9) { kind($0, $1) }
    let target = (0..<rows * columns).map { $0 % 3 == 0 ? 1 : $0 % 3 == 1 ? 0 : abs(draw($0)) }
    traced.executor.setInput(traced.target, to: target.span, training: true)
    let found = traced.run().losses
    for row in 0..<rows {
      let elements = row * columns..<(row + 1) * columns
      let wanted =
        elements.reduce(0) { $0 + kind.expected(Double(traced.x[$1]), Double(target[$1])) }
        / Double(columns)
      #expect(abs(Double(found[row]) - wanted) < 2e-6 * max(1, wanted), "row \(row)")
    }
  }

  /// Kinks (of the absolute error) are skipped by the check where they are met.
  @Test(arguments: Kind.allCases, GradientCheck.Wiring.allCases)
  func backwardIsTheDerivativeByBothArguments(_ kind: Kind, _ wiring: GradientCheck.Wiring) throws {
    for shape in [[6, 1], [6, 5], [3, 4, 5]] as [Shape] {
      let report = try GradientCheck.run([shape, shape], microbatch: shape[0], wiring: wiring) { _, x in
        kind(x[0], x[1])
      }
      #expect(report.worst < 1e-3, "\(report)")
      #expect(report.checked > 3 * report.skipped, "\(report)")
    }
  }

  @Test func softplusKeepsSmallAndLargeLogits() throws {
    let traced = try Traced(rows: 6, columns: 1, labels: false) { binaryCrossEntropy($0, target: $1) }
    let x: [Float] = [-80, -20, 100, 1e30, -1e30, .nan]
    for (row, value) in x.enumerated() { traced.x[row] = value }
    traced.executor.setInput(traced.target, to: ([0, 0, 0, 1, 1, 0] as [Float]).span, training: true)
    let found = traced.run()
    #expect(abs(found.losses[0] / 1.8048514e-35 - 1) < 1e-5 && abs(found.losses[1] / 2.0611536e-9 - 1) < 1e-5)
    #expect(found.losses[2] == 100 && found.losses[3] == 0 && found.losses[4] == 1e30)
    #expect(found.losses[5].isNaN && found.gradient[5].isNaN)
    #expect(found.gradient[2] == 1 && found.gradient[3] == 0 && found.gradient[4] == -1)
  }

  @Test func aWellClassifiedElementHasLittleFocalLoss() throws {
    let traced = try Traced(rows: 4, columns: 1, labels: false) { focalLoss($0, target: $1, alpha: 0.5) }
    for (row, value) in ([30, -90, 90, 0] as [Float]).enumerated() { traced.x[row] = value }
    traced.executor.setInput(traced.target, to: ([1, 0, 0, 1] as [Float]).span, training: true)
    let found = traced.run()
    #expect(found.losses[0] < 1e-30 && found.losses[1] == 0 && found.losses[2] == 45)
    #expect(abs(found.losses[3] - 0.5 * 0.25 * 0.693147) < 1e-6)
    #expect(found.gradient.allSatisfy { $0.isFinite })
  }

  @Test(arguments: Kind.allCases, [2, 4])
  func anyNumberOfThreadsComputesTheSameBits(_ kind: Kind, _ threads: Int) throws {
    func bits(_ threads: Int) throws -> [UInt32] {
      let (rows, columns) = (3001, 23)
      let traced = try Traced(rows: rows, columns: columns, labels: false, threads: threads) { kind($0, $1) }
      let target = (0..<rows * columns).map { Float($0 % 2) }
      traced.executor.setInput(traced.target, to: target.span, training: true)
      let found = traced.run()
      return (found.losses + found.gradient).map(\.bitPattern)
    }
    let (found, alone) = (try bits(threads), try bits(1))
    #expect(found == alone)
  }

  /// Where a prediction's gradient takes its place, the target's gradient, of a teacher that learns too, still sees the prediction.
  @Test func bothGradientsAreRightWhereOneReplacesThePrediction() throws {
    func gradient(reuse: Bool) throws -> [UInt32] {
      let trace = Trace(microbatch: 8)
      let x = trace.input("x", perSample: [4])
      let student = dense(x, weight: trace.parameter("student", [4, 9], .heNormal))
      let teacher = dense(x, weight: trace.parameter("teacher", [4, 9], .heNormal))
      let graph = try trace.finish(loss: binaryCrossEntropy(student, target: teacher), outputs: [])
      let executor = Executor(graph, pool: ThreadPool(threads: 1), seed: 1, reuse: reuse)
      let features = (0..<32).map { draw($0) }
      executor.setInput(x, to: features.span, training: true)
      executor.forward(training: true)
      executor.backward(scale: 1, accumulates: false)
      return (0..<graph.arenaCount).map { executor.gradients?.base[$0].bitPattern ?? 0 }
    }
    let (shared, apart) = (try gradient(reuse: true), try gradient(reuse: false))
    #expect(shared == apart)
  }

  @Test func mistakesAreFoundInTheTrace() throws {
    func message(_ body: (Tensor, Tensor) -> Tensor) -> String {
      do {
        _ = try Traced(rows: 4, columns: 3, labels: false, body)
        return "no error"
      } catch { return "\(error)" }
    }
    #expect(
      message { huberLoss($0, target: $1, delta: 0) } == "huberLoss: expected a positive delta, found 0.0")
    #expect(
      message { focalLoss($0, target: $1, alpha: 2) }
        == "focalLoss: expected alpha in 0...1 and gamma of at least 0, found 2.0 and 2.0")
    #expect(
      message { binaryCrossEntropy($0, target: $1, positiveWeight: -1) }
        == "binaryCrossEntropy: expected a positive weight, found -1.0")
    #expect(
      message { meanAbsoluteError($0, target: $1.trace.input("t", perSample: [2])) }
        == "meanAbsoluteError: expected equal shapes [samples, ...], found [4, 3] and [4, 2]")
  }
}
