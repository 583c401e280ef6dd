import BLAS
import Kernels
import Testing

@testable import Graph

/// Convolutions by panels of weights, which many weights and few pixels get, against those by units of pixels.
@Suite struct ConvolutionPanelTests {
  private func convolution(
    _ test: ConvolutionCase, _ blocking: ConvolutionWork.Blocking?, _ x: [Tensor],
    _ activation: Activation = .identity
  ) -> Tensor {
    let window = SlidingWindow(
      stride: test.stride, dilation: test.dilation, padding: test.padding, axes: 2)
    return x[0].trace.record(
      ConvolutionOperation(window: window, groups: test.groups, activation: activation, blocking: blocking), x
    )
  }

  private func expectEqual(_ a: [Float], _ b: [Float], _ comment: Comment) {
    let largest = b.reduce(1) { max($0, abs($1)) }
    #expect(a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) <= 4e-6 * largest }, comment)
  }

  /// Every stride, dilation, padding and number of groups; whole and partial blocks of channels; bias and activation.
  @Test(arguments: 201...260) func theyAreThoseOfUnits(_ seed: Int) throws {
    let test = ConvolutionCase(seed: seed, channels: seed % 2 == 0 ? 70 : 6)
    let activation = Activation.allCases[seed % Activation.allCases.count]
    let runs = try [.panels, .units].map { (blocking: ConvolutionWork.Blocking) in
      try OneOperation([test.x, test.weight, [test.weight[3]]], microbatch: test.x[0]) {
        convolution(test, blocking, $1, activation)
      }
    }
    expectEqual(runs[0].output, runs[1].output, "seed \(seed): y of \(test), \(activation)")
    for (number, gradients) in zip(runs[0].gradients, runs[1].gradients).enumerated() {
      expectEqual(gradients.0, gradients.1, "seed \(seed): gradient \(number) of \(test), \(activation)")
    }
  }

  @Test(arguments: 301...306, GradientCheck.Wiring.allCases)
  func gradients(_ seed: Int, _ wiring: GradientCheck.Wiring) throws {
    let test = ConvolutionCase(seed: seed, channels: 3)
    let report = try GradientCheck.run([test.x, test.weight], microbatch: test.x[0], wiring: wiring) {
      convolution(test, .panels, $1)
    }
    #expect(report.worst < 2e-3, "seed \(seed): \(report): \(test)")
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradientsOfATensorWithItself(_ wiring: GradientCheck.Wiring) throws {
    let window = SlidingWindow(stride: 1, dilation: 1, padding: .same, axes: 2)
    let report = try GradientCheck.run([[2, 3, 2, 2]], microbatch: 2, wiring: wiring) { trace, x in
      trace.record(
        ConvolutionOperation(window: window, groups: 1, activation: .identity, blocking: .panels), x[0], x[0])
    }
    #expect(report.worst < 2e-3, "\(report)")
  }

  /// Of the shape alone: 512 channels on 7 x 7 pixels, and neither few weights nor many pixels nor narrow groups.
  @Test func theShapeChooses() {
    func blocking(_ x: Shape, _ weight: Shape, groups: Int = 1) -> ConvolutionWork.Blocking {
      let axis = {
        Convolution.Axis(input: $0, output: $0, kernel: $1, stride: 1, dilation: 1, padding: $1 / 2)
      }
      let kernel = Convolution(
        samples: x[0], height: axis(x[1], weight[0]), width: axis(x[2], weight[1]), channels: x[3],
        outputs: weight[3], groups: groups)
      return ConvolutionWork(kernel, weight: weight).blocking
    }
    for samples in [1, 2, 4, 8] {
      #expect(blocking([samples, 7, 7, 512], [3, 3, 512, 512]) == .panels)
      #expect(blocking([samples, 7, 7, 512], [1, 1, 512, 2048]) == .panels)
    }
    #expect(blocking([64, 8, 8, 64], [3, 3, 64, 64]) == .units)
    #expect(blocking([64, 32, 32, 16], [3, 3, 16, 16]) == .units)
    #expect(blocking([128, 7, 7, 512], [3, 3, 512, 512]) == .units)
    #expect(blocking([1, 7, 7, 2048], [3, 3, 32, 2048], groups: 64) == .units)
  }

  @Test(arguments: [2, 3, 4], [1, 2]) func anyNumberOfThreadsGivesTheSameBits(_ threads: Int, _ stride: Int)
    throws
  {
    func run(_ threads: Int) throws -> [[UInt32]] {
      let shapes: [Shape] = [[3, 5, 7, 130], [3, 3, 130, 250], [250]]
      let run = try OneOperation(shapes, microbatch: 3, threads: threads) {
        convolution2D(
          $1[0], weight: $1[1], bias: $1[2], stride: HeightAndWidth(stride, stride), activation: .gelu)
      }
      return ([run.output] + run.gradients).map { $0.map(\.bitPattern) }
    }
    #expect(try run(threads) == run(1))
  }
}
