import BLAS
import Kernels
import Testing

@testable import Graph

@Suite struct BatchNormTests {
  private static func norm(
    _ trace: Trace, _ x: Tensor, _ scale: Tensor, _ shift: Tensor, residual: Tensor? = nil, relu: Bool,
    _ name: String = "norm"
  ) -> Tensor {
    let channels: Shape = [x.shape.columns]
    return batchNorm(
      x, scale: scale, shift: shift,
      runningMean: trace.statistic("\(name).runningMean", channels, initial: 0, momentum: 0.1),
      runningVariance: trace.statistic("\(name).runningVariance", channels, initial: 1, momentum: 0.1),
      residual: residual, relu: relu)
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradients(_ wiring: GradientCheck.Wiring) throws {
    var uses = 0
    let report = try GradientCheck.run([[4, 3, 2, 5], [5], [5]], microbatch: 4, wiring: wiring) { trace, x in
      uses += 1
      return Self.norm(trace, x[0], x[1], x[2], relu: false, "norm\(uses)")
    }
    #expect(report.worst < 3e-3 && report.checked > 9 * report.skipped, "\(report)")
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradientsWithAResidual(_ wiring: GradientCheck.Wiring) throws {
    var uses = 0
    let report = try GradientCheck.run([[4, 6, 5], [5], [5], [4, 6, 5]], microbatch: 4, wiring: wiring) {
      trace, x in
      uses += 1
      return Self.norm(trace, x[0], x[1], x[2], residual: x[3], relu: false, "norm\(uses)")
    }
    #expect(report.worst < 3e-3 && report.checked > 9 * report.skipped, "\(report)")
  }

  /// Channels that do and do not fill a block of 64, with rows left over.
  @Test(arguments: [1, 5, 16, 64, 70], [false, true])
  func aReluInItIsOneAfterIt(_ channels: Int, _ hasResidual: Bool) throws {
    let shapes: [Shape] = [[7, 11, channels], [channels], [channels], [7, 11, channels]]
    let fused = try OneOperation(shapes, microbatch: 7) {
      Self.norm($0, $1[0], $1[1], $1[2], residual: hasResidual ? $1[3] : nil, relu: true)
    }
    let apart = try OneOperation(shapes, microbatch: 7) {
      let y = Self.norm($0, $1[0], $1[1], $1[2], relu: false)
      return relu(hasResidual ? y + $1[3] : y)
    }
    for (a, b) in zip([fused.output] + fused.gradients, [apart.output] + apart.gradients) {
      #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 })
    }
  }

  /// Columns below, at and above a block of 64, rows of several tiles.
  @Test(arguments: [1, 3, 16, 24, 64, 100, 128]) func eachChannelHasMeanZeroAndVarianceOne(_ channels: Int)
    throws
  {
    let run = try OneOperation([[37, 29, channels], [channels], [channels]], microbatch: 37) { trace, x in
      Self.norm(trace, x[0], x[1], x[2], relu: false)
    }
    let rows = 37 * 29
    for c in 0..<channels {
      let x = (0..<rows).map { Double(run.values[0][$0 * channels + c]) }
      let mean = x.reduce(0, +) / Double(rows)
      let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
      for row in [0, 1, rows / 2, rows - 1] {
        let expected =
          (x[row] - mean) / (variance + 1e-5).squareRoot() * Double(run.values[1][c])
          + Double(run.values[2][c])
        #expect(abs(Double(run.output[row * channels + c]) - expected) < 1e-5, "channel \(c)")
      }
    }
  }

  @Test func aLargeMeanCostsNoPrecision() {
    let x = (0..<1000).map { Float(10_000 + $0 % 7) }
    var (mean, squares) = (Float(0), Float(0))
    ChannelNorm.moments(rows: 1000, columns: 1, x, mean: &mean, squares: &squares)
    let exact = x.reduce(0.0) { $0 + Double($1) } / 1000
    let sum = x.reduce(0.0) { $0 + (Double($1) - exact) * (Double($1) - exact) }
    #expect(abs(Double(mean) - exact) < 1e-3 && abs(Double(squares) - sum) < 1e-3 * sum)
  }

  @Test func evaluationUsesTheRunningStatistics() throws {
    let trace = Trace(microbatch: 3)
    let x = trace.input("x", perSample: [2])
    let one = trace.parameter("scale", [2], .constant(1))
    let y = Self.norm(trace, x, one, trace.parameter("shift", [2], .zeros), relu: false)
    let loss = meanSquaredError(y, target: x)
    let graph = try trace.finish(loss: loss, outputs: [y])
    let executor = Executor(graph, pool: ThreadPool(threads: 1), seed: 1)
    let values: [Float] = [1, 10, 2, 20, 6, 30]
    executor.setInput(x, to: values.span, training: false)
    executor.forward(training: false)
    // Mean 0 and variance 1 to begin with.
    #expect(zip(executor.elements(of: y, training: false), values).allSatisfy { abs($0 - $1) < 1e-3 })
    executor.setInput(x, to: values.span, training: true)
    executor.forward(training: true)
    executor.backward(scale: 1 / 6, accumulates: false)  // half of a global batch of 6
    func gradient(_ name: String) -> [Float] {
      guard let parameter = graph.parameters.first(where: { $0.name == name }) else { return [] }
      return parameter.range.map { executor.gradients?.base[$0] ?? .nan }
    }
    #expect(gradient("norm.runningMean") == [1.5, 10])
    #expect(zip(gradient("norm.runningVariance"), [3.5, 50]).allSatisfy { abs($0 - $1) < 1e-4 })
  }

  @Test(arguments: [2, 3, 4]) func anyNumberOfThreadsGivesTheSameBits(_ threads: Int) throws {
    func run(_ threads: Int) throws -> [[UInt32]] {
      let run = try OneOperation(
        [[40, 9, 9, 24], [24], [24], [40, 9, 9, 24]], microbatch: 40, threads: threads
      ) { trace, x in
        Self.norm(trace, x[0], x[1], x[2], residual: x[3], relu: true)
      }
      return ([run.output] + run.gradients).map { $0.map(\.bitPattern) }
    }
    #expect(try run(threads) == run(1))
  }

  @Test func shapeErrorsSayWhatWasExpected() {
    let trace = Trace(microbatch: 2)
    let x = trace.input("x", perSample: [4, 3])
    let four = trace.parameter("four", [4], .zeros)
    let y = Self.norm(trace, x, four, four, relu: false)
    #expect {
      _ = try trace.finish(loss: nil, outputs: [y])
    } throws: { "\($0)".contains("four vectors [channels], found [2, 4, 3] and [4]") }
  }
}

@Suite struct GroupNormTests {
  @Test(arguments: [1, 2, 3, 6], GradientCheck.Wiring.allCases)
  func gradients(_ groups: Int, _ wiring: GradientCheck.Wiring) throws {
    let report = try GradientCheck.run([[3, 4, 2, 6], [6], [6]], microbatch: 3, wiring: wiring) { _, x in
      groupNorm(x[0], groups: groups, scale: x[1], shift: x[2])
    }
    #expect(report.worst < 3e-3 && report.checked > 9 * report.skipped, "\(report)")
  }

  @Test(arguments: [1, 4, 32]) func eachGroupOfASampleHasMeanZeroAndVarianceOne(_ groups: Int) throws {
    let run = try OneOperation([[3, 50, 32], [32], [32]], microbatch: 3) { _, x in
      groupNorm(x[0], groups: groups, scale: x[1], shift: x[2])
    }
    let width = 32 / groups
    for sample in 0..<3 {
      for group in 0..<groups {
        let places = (0..<50).flatMap { row in
          (0..<width).map { (sample * 50 + row) * 32 + group * width + $0 }
        }
        let x = places.map { Double(run.values[0][$0]) }
        let mean = x.reduce(0, +) / Double(x.count)
        let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
        for (place, value) in zip(places, x) {
          let expected =
            (value - mean) / (variance + 1e-5).squareRoot() * Double(run.values[1][place % 32])
            + Double(run.values[2][place % 32])
          #expect(abs(Double(run.output[place]) - expected) < 1e-5)
        }
      }
    }
  }

  @Test(arguments: [2, 3, 4]) func anyNumberOfThreadsGivesTheSameBits(_ threads: Int) throws {
    func run(_ threads: Int) throws -> [[UInt32]] {
      let run = try OneOperation([[9, 30, 24], [24], [24]], microbatch: 9, threads: threads) { _, x in
        groupNorm(x[0], groups: 4, scale: x[1], shift: x[2])
      }
      return ([run.output] + run.gradients).map { $0.map(\.bitPattern) }
    }
    #expect(try run(threads) == run(1))
  }

  @Test func groupsThatDoNotDivideTheChannelsAreAnError() {
    let trace = Trace(microbatch: 2)
    let one = trace.parameter("one", [6], .zeros)
    let y = groupNorm(trace.input("x", perSample: [4, 6]), groups: 4, scale: one, shift: one)
    #expect {
      _ = try trace.finish(loss: nil, outputs: [y])
    } throws: { "\($0)".contains("divides 6, found 4") }
  }
}
