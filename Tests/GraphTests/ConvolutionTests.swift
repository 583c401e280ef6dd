import BLAS
import Kernels
import Testing

@testable import Graph

/// A convolution drawn at random: small extents, every option.
struct ConvolutionCase: CustomStringConvertible {
  let x, weight: Shape
  let stride, dilation: HeightAndWidth
  let padding: Padding
  let groups: Int

  /// - Parameters:
  ///   - channels: the largest number of channels of a group.
  ///   - depthwise: each of up to so many channels is a group, whose output it is.
  init(seed: Int, channels: Int, depthwise: Bool = false) {
    let generator = Philox(key: UInt64(seed))
    var drawn = 0
    func draw(_ range: ClosedRange<Int>) -> Int {
      drawn += 1
      return range.lowerBound + Int(generator.block(at: drawn, for: .synthetic).x) % range.count
    }
    let kernel = HeightAndWidth(draw(1...4), draw(1...5))
    groups = depthwise ? draw(2...channels) : draw(0...3) == 0 ? draw(2...3) : 1
    let inputs = depthwise ? 1 : draw(1...channels)
    stride = HeightAndWidth(draw(1...3), draw(1...3))
    dilation = HeightAndWidth(draw(1...2), draw(1...2))
    padding = [.none, .same, .by(draw(0...3))][draw(0...2)]
    let extents = [(kernel.height - 1) * dilation.height, (kernel.width - 1) * dilation.width]
    x = [draw(1...3), extents[0] + draw(1...8), extents[1] + draw(1...20), inputs * groups]
    weight = [kernel.height, kernel.width, inputs, (depthwise ? 1 : draw(1...channels)) * groups]
  }

  func callAsFunction(_ x: Tensor, _ weight: Tensor, _ bias: Tensor? = nil, _ f: Activation = .identity)
    -> Tensor
  {
    convolution2D(
      x, weight: weight, bias: bias, stride: stride, padding: padding, dilation: dilation, groups: groups,
      activation: f)
  }

  var description: String {
    "x \(x), weight \(weight), stride \(stride), dilation \(dilation), padding \(padding), groups \(groups)"
  }

  /// The formula, in double precision.
  func reference(_ x: [Float], _ weight: [Float], output: Shape) -> [Double] {
    let (kh, kw, inputs, outputs) = (self.weight[0], self.weight[1], self.weight[2], self.weight[3])
    let top = before(self.x[1], kh, stride.height, dilation.height)
    let left = before(self.x[2], kw, stride.width, dilation.width)
    var y = [Double](repeating: 0, count: output.count)
    for index in y.indices {
      let k = index % outputs
      let j = index / outputs % output[2]
      let i = index / outputs / output[2] % output[1]
      let n = index / outputs / output[2] / output[1]
      for a in 0..<kh {
        for b in 0..<kw {
          let (u, v) = (
            i * stride.height + a * dilation.height - top, j * stride.width + b * dilation.width - left
          )
          guard u >= 0, v >= 0, u < self.x[1], v < self.x[2] else { continue }
          for c in 0..<inputs {
            let channel = k / (outputs / groups) * inputs + c
            y[index] +=
              Double(x[((n * self.x[1] + u) * self.x[2] + v) * self.x[3] + channel])
              * Double(weight[((a * kw + b) * inputs + c) * outputs + k])
          }
        }
      }
    }
    return y
  }

  private func before(_ input: Int, _ kernel: Int, _ stride: Int, _ dilation: Int) -> Int {
    switch padding {
    case .none: 0
    case .by(let zeros): zeros
    case .same:
      max(0, ((input + stride - 1) / stride - 1) * stride + (kernel - 1) * dilation + 1 - input) / 2
    }
  }
}

/// Runs `body` over parameters with drawn values, and the gradient of a drawn combination of its output.
struct OneOperation {
  let output: [Float]
  let gradients: [[Float]]
  let outputGradient: [Float]
  let values: [[Float]]
  let outputShape: Shape

  init(_ shapes: [Shape], microbatch: Int, threads: Int = 1, _ body: (Trace, [Tensor]) -> Tensor) throws {
    let trace = Trace(microbatch: microbatch)
    let tensors = shapes.enumerated().map { trace.parameter("x\($0)", $1, .uniform(limit: 1)) }
    let y = body(trace, tensors)
    let loss = trace.record(WeightedSum(rows: microbatch), y)
    let graph = try trace.finish(loss: loss, outputs: [y])
    let executor = Executor(graph, pool: ThreadPool(threads: threads), seed: 3)
    executor.forward(training: true)
    output = executor.elements(of: y, training: true)
    executor.backward(scale: 1, accumulates: false)
    outputShape = y.shape
    outputGradient = (0..<y.shape.count).map(WeightedSum.weight)
    let parameters = graph.parameters.prefix(shapes.count)
    values = parameters.map { executor.values(of: $0) }
    gradients = parameters.map { parameter in
      parameter.range.map { executor.gradients?.base[$0] ?? .nan }
    }
  }

  /// loss[r] = Σ weight(e) x[e] over the elements of row r
  private struct WeightedSum: Operation {
    let rows: Int
    var name: String { "weightedSum" }
    var backwardReads: BackwardReads { .nothing }
    func outputShape(_ inputs: [Shape]) throws(ShapeError) -> Shape { [rows] }
    static func weight(_ element: Int) -> Float {
      2 * Philox.uniform(Philox(key: 7).block(at: element, for: .synthetic).x) - 1
    }
    func forward(_ context: ForwardContext) { context.output.update(repeating: 0, count: rows) }
    func backward(_ context: BackwardContext) {
      guard let gradient = context.inputGradient(0) else { return }
      for e in 0..<context.shape(ofInput: 0).count { gradient.pointer[e] = Self.weight(e) }
    }
  }
}

@Suite struct ConvolutionTests {
  /// Up to 40 channels: whole and partial blocks of every width. Every third convolution is depthwise, with up to 150 channels.
  private func drawn(_ seed: Int) -> ConvolutionCase {
    if seed % 3 == 0 { return ConvolutionCase(seed: seed, channels: 150, depthwise: true) }
    return ConvolutionCase(seed: seed, channels: seed % 2 == 0 ? 40 : 5)
  }

  @Test(arguments: 1...75) func itIsTheSumOverItsWindow(_ seed: Int) throws {
    let test = drawn(seed)
    let run = try OneOperation([test.x, test.weight], microbatch: test.x[0]) { test($1[0], $1[1]) }
    let expected = test.reference(run.values[0], run.values[1], output: run.outputShape)
    for (found, wanted) in zip(run.output, expected) {
      #expect(abs(Double(found) - wanted) < 1e-4, "seed \(seed): \(test)")
    }
  }

  /// A convolution is linear in x and in W: Σ y dy = Σ x dx = Σ W dW.
  private func expectAdjoints(_ run: OneOperation, _ comment: Comment) {
    func inner(_ a: [Float], _ b: [Float]) -> Double {
      zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    let expected = inner(run.output, run.outputGradient)
    for (value, gradient) in zip(run.values, run.gradients) {
      #expect(abs(inner(value, gradient) - expected) < 1e-4 * max(1, abs(expected)), comment)
    }
  }

  @Test(arguments: 1...75) func itsGradientsAreItsAdjoints(_ seed: Int) throws {
    let test = drawn(seed)
    let run = try OneOperation([test.x, test.weight], microbatch: test.x[0]) { test($1[0], $1[1]) }
    expectAdjoints(run, "seed \(seed): \(test)")
  }

  /// Weights whose gradient is cut by blocks of channels; images of more pixels, and of fewer, than it adds up at a time.
  @Test(arguments: [[9, 3, 4, 70, 450], [2, 20, 21, 6, 9], [40, 4, 5, 6, 9]])
  func gradientsOfDeepWideAndSmallImagesAreAdjoints(_ extents: [Int]) throws {
    let shapes: [Shape] = [Shape(Array(extents.prefix(4))), [3, 3, extents[3], extents[4]]]
    let run = try OneOperation(shapes, microbatch: extents[0]) { convolution2D($1[0], weight: $1[1]) }
    expectAdjoints(run, "\(shapes)")
  }

  @Test(arguments: 101...110, GradientCheck.Wiring.allCases)
  func gradients(_ seed: Int, _ wiring: GradientCheck.Wiring) throws {
    let test = ConvolutionCase(seed: seed, channels: 3, depthwise: seed > 106)
    let report = try GradientCheck.run([test.x, test.weight], microbatch: test.x[0], wiring: wiring) {
      test($1[0], $1[1])
    }
    #expect(report.worst < 2e-3, "seed \(seed): \(report): \(test)")
  }

  @Test(arguments: [Activation.identity, .tanh, .gelu], GradientCheck.Wiring.allCases)
  func gradientsWithBiasAndActivation(_ activation: Activation, _ wiring: GradientCheck.Wiring) throws {
    let report = try GradientCheck.run([[2, 3, 4, 2], [2, 2, 2, 3], [3]], microbatch: 2, wiring: wiring) {
      _, x in
      convolution2D(x[0], weight: x[1], bias: x[2], padding: .by(1), activation: activation)
    }
    #expect(report.worst < 2e-3 && report.checked > 9 * report.skipped, "\(report)")
  }

  @Test(arguments: Activation.allCases) func anActivationInItIsOneAfterIt(_ activation: Activation) throws {
    let shapes: [Shape] = [[3, 6, 7, 5], [3, 3, 5, 12], [12]]
    let fused = try OneOperation(shapes, microbatch: 3) {
      convolution2D($1[0], weight: $1[1], bias: $1[2], activation: activation)
    }
    let apart = try OneOperation(shapes, microbatch: 3) { trace, x in
      trace.record(
        ActivationOperation(activation: activation), convolution2D(x[0], weight: x[1], bias: x[2]))
    }
    for (a, b) in zip([fused.output] + fused.gradients, [apart.output] + apart.gradients) {
      #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-5 })
    }
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradientsOfATensorWithItself(_ wiring: GradientCheck.Wiring) throws {
    let report = try GradientCheck.run([[2, 3, 2, 2]], microbatch: 2, wiring: wiring) { _, x in
      convolution2D(x[0], weight: x[0], padding: .same)
    }
    #expect(report.worst < 2e-3, "\(report)")
  }

  @Test func aSequenceIsAnImageOfHeightOne() throws {
    let flat = try OneOperation([[3, 19, 4], [5, 4, 6], [6]], microbatch: 3) { _, x in
      convolution1D(x[0], weight: x[1], bias: x[2], stride: 2, dilation: 2, activation: .tanh)
    }
    let image = try OneOperation([[3, 1, 19, 4], [1, 5, 4, 6], [6]], microbatch: 3) { _, x in
      convolution2D(
        x[0], weight: x[1], bias: x[2], stride: HeightAndWidth(1, 2), dilation: HeightAndWidth(1, 2),
        activation: .tanh)
    }
    #expect(
      flat.outputShape == [3, 10, 6] && flat.output == image.output && flat.gradients == image.gradients)
  }

  @Test(arguments: [2, 3, 4], [(20, 40, 1), (200, 210, 1), (70, 70, 70)])
  func anyNumberOfThreadsGivesTheSameBits(_ threads: Int, _ channels: (x: Int, y: Int, groups: Int)) throws {
    func run(_ threads: Int) throws -> [[UInt32]] {
      let weight: Shape = [3, 3, channels.x / channels.groups, channels.y]
      let run = try OneOperation(
        [[5, 12, 14, channels.x], weight, [channels.y]], microbatch: 5, threads: threads
      ) { _, x in
        convolution2D(
          x[0], weight: x[1], bias: x[2], stride: HeightAndWidth(1, 2), groups: channels.groups,
          activation: .relu)
      }
      return ([run.output] + run.gradients).map { $0.map(\.bitPattern) }
    }
    #expect(try run(threads) == run(1))
  }

  @Test func shapeErrorsSayWhatWasExpected() {
    func message(_ x: Shape, _ weight: Shape, groups: Int = 1, padding: Padding = .none) -> String {
      let trace = Trace(microbatch: 4)
      let y = convolution2D(
        trace.input("x", perSample: x), weight: trace.parameter("w", weight, .zeros), padding: padding,
        groups: groups,
        name: "stem")
      do {
        _ = try trace.finish(loss: nil, outputs: [y])
        return "no error"
      } catch { return error.description }
    }
    #expect(
      message([8, 8], [3, 3, 1, 4])
        == "convolution \"stem\": expected input [samples, height, width, channels], found [4, 8, 8]")
    #expect(message([8, 8, 3], [3, 3, 4, 4]).contains("found [4, 8, 8, 3] and [3, 3, 4, 4]"))
    #expect(message([8, 8, 4], [3, 3, 2, 5], groups: 2).contains("2 groups"))
    #expect(message([8, 2, 3], [3, 3, 3, 4]).contains("at least 3"))
    #expect(message([8, 2, 3], [3, 3, 3, 4], padding: .by(1)) == "no error")
    #expect(message([8, 8, 3], [3, 3, 3]).contains("expected weight [height, width, in / groups, out]"))
  }
}
