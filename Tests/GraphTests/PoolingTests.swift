import BLAS
import Kernels
import Testing

@testable import Graph

@Suite struct PoolingTests {
  enum Kind: CaseIterable {
    case max, average
    func callAsFunction(_ x: Tensor, _ size: HeightAndWidth, _ stride: HeightAndWidth, _ padding: Padding)
      -> Tensor
    {
      switch self {
      case .max: maxPool2D(x, size: size, stride: stride, padding: padding)
      case .average: averagePool2D(x, size: size, stride: stride, padding: padding)
      }
    }
  }

  private struct Case {
    let x: Shape
    let size, stride: HeightAndWidth
    let padding: Int

    init(seed: Int) {
      let words = (0..<3).map { Philox(key: UInt64(seed)).block(at: $0, for: .synthetic) }
      func draw(_ word: UInt32, _ range: ClosedRange<Int>) -> Int {
        range.lowerBound + Int(word) % range.count
      }
      size = HeightAndWidth(draw(words[0].x, 1...3), draw(words[0].y, 1...4))
      stride = HeightAndWidth(draw(words[0].z, 1...3), draw(words[0].w, 1...3))
      padding = draw(words[1].x, 0...min(size.height, size.width) - 1)
      let channels = [1, 3, 6, 16, 70][draw(words[1].y, 0...4)]
      x = [draw(words[1].z, 1...3), draw(words[1].w, 3...9), draw(words[2].x, 4...9), channels]
    }
  }

  @Test(arguments: 1...40, Kind.allCases)
  func itReducesEachWindow(_ seed: Int, _ kind: Kind) throws {
    let test = Case(seed: seed)
    let run = try OneOperation([test.x], microbatch: test.x[0]) {
      kind($1[0], test.size, test.stride, .by(test.padding))
    }
    let (height, width, channels) = (test.x[1], test.x[2], test.x[3])
    var dx = [Double](repeating: 0, count: test.x.count)
    for index in 0..<run.outputShape.count {
      let (c, j) = (index % channels, index / channels % run.outputShape[2])
      let i = index / channels / run.outputShape[2] % run.outputShape[1]
      let n = index / channels / run.outputShape[2] / run.outputShape[1]
      var places: [Int] = []
      for a in 0..<test.size.height {
        for b in 0..<test.size.width {
          let (u, v) = (i * test.stride.height + a - test.padding, j * test.stride.width + b - test.padding)
          if u >= 0, v >= 0, u < height, v < width {
            places.append(((n * height + u) * width + v) * channels + c)
          }
        }
      }
      let elements = places.map { run.values[0][$0] }
      let dy = Double(run.outputGradient[index])
      switch kind {
      case .max:
        #expect(run.output[index] == elements.max(), "seed \(seed)")
        if let best = elements.max(), let first = elements.firstIndex(of: best) { dx[places[first]] += dy }
      case .average:
        let mean = elements.reduce(0, +) / Float(elements.count)
        #expect(abs(run.output[index] - mean) < 1e-6, "seed \(seed)")
        for place in places { dx[place] += dy / Double(places.count) }
      }
    }
    #expect(zip(run.gradients[0], dx).allSatisfy { abs(Double($0) - $1) < 1e-5 }, "seed \(seed)")
  }

  @Test(arguments: GradientCheck.Wiring.allCases)
  func gradients(_ wiring: GradientCheck.Wiring) throws {
    for kind in Kind.allCases {
      let report = try GradientCheck.run([[2, 5, 6, 3]], microbatch: 2, wiring: wiring) {
        kind($1[0], 3, 2, .by(1))
      }
      #expect(report.worst < 2e-3 && report.checked > 2 * report.skipped, "\(kind): \(report)")
    }
    let global = try GradientCheck.run([[2, 3, 4, 3]], microbatch: 2, wiring: wiring) {
      globalAveragePool($1[0])
    }
    #expect(global.worst < 1e-3, "\(global)")
  }

  @Test func sequencesArePooledAlongTime() throws {
    let run = try OneOperation([[2, 7, 3]], microbatch: 2) { maxPool1D($1[0], size: 3, stride: 2) }
    #expect(run.outputShape == [2, 3, 3])
    #expect(run.output[0] == [0, 3, 6].map { run.values[0][$0] }.max())
    let mean = try OneOperation([[2, 7, 3]], microbatch: 2) { averagePool1D($1[0], size: 7) }
    let global = try OneOperation([[2, 7, 3]], microbatch: 2) { globalAveragePool($1[0]) }
    #expect(mean.output == global.output && global.outputShape == [2, 3])
  }

  @Test func notANumberIsTheLargest() {
    var y: [Float] = [0]
    let pooling = Pooling(
      samples: 1, height: .flat,
      width: .init(input: 3, output: 1, kernel: 3, stride: 1, dilation: 1, padding: 0), channels: 1)
    for x: [Float] in [[.nan, 2, 1], [1, .nan, 2], [1, 2, .nan]] {
      pooling.max(0..<1, x, into: &y)
      #expect(y[0].isNaN)
    }
    pooling.max(0..<1, [-.infinity, -.infinity, -.infinity], into: &y)
    #expect(y[0] == -.infinity)
  }

  @Test(arguments: [2, 3, 4]) func anyNumberOfThreadsGivesTheSameBits(_ threads: Int) throws {
    func run(_ threads: Int) throws -> [[Float]] {
      let run = try OneOperation([[9, 20, 20, 16]], microbatch: 9, threads: threads) {
        maxPool2D(averagePool2D($1[0], size: 3, stride: 1), size: 2)
      }
      return [run.output] + run.gradients
    }
    #expect(try run(threads) == run(1))
  }

  @Test func shapeErrorsSayWhatWasExpected() {
    func message(_ body: (Tensor) -> Tensor) -> String {
      let trace = Trace(microbatch: 4)
      let y = body(trace.input("x", perSample: [5, 5, 2]))
      do {
        _ = try trace.finish(loss: nil, outputs: [y])
        return "no error"
      } catch { return error.description }
    }
    #expect(message { maxPool2D($0, size: 6) }.contains("at least 6"))
    #expect(message { maxPool2D($0, size: 2, padding: .by(2)) }.contains("below the window's 2"))
    #expect(message { maxPool1D($0, size: 2) }.contains("[samples, time, channels]"))
  }
}
