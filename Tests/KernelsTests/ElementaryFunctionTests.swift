import Foundation
import Testing

@testable import Kernels

/// Distance of a float from the exact value, in units in the last place of the float nearest to it.
private func ulps(_ found: Float, _ exact: Double) -> Double {
  let nearest = Float(exact)
  if found == nearest || (found.isNaN && exact.isNaN) { return 0 }
  return abs(Double(found) - exact) / Double(max(nearest.ulp, Float.leastNormalMagnitude.ulp))
}

@Suite struct ElementaryFunctionTests {
  typealias Function = @Sendable (Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void

  /// Every 997th float of the whole range, both signs, infinities and NaNs among them.
  static let samples: [Float] = stride(from: UInt32(0), to: .max - 997, by: 997).map(Float.init(bitPattern:))

  /// - Parameter flushed: results below this may be 0, as is documented.
  private func worst(
    _ function: Function, flushed: Double = 0x1p-126, _ exact: (Double) -> Double
  ) -> (Double, at: Float) {
    let x = Self.samples
    var y = [Float](repeating: 0, count: x.count)
    function(x.count, x, &y)
    var result = (0.0, at: Float(0))
    for i in 0..<x.count {
      if x[i].isNaN {
        if !y[i].isNaN { return (.infinity, x[i]) }
        continue
      }
      let expected = exact(Double(x[i]))
      if abs(expected) < flushed && Double(abs(y[i])) < 2 * flushed { continue }
      let error = ulps(y[i], expected)
      if !(error <= result.0) { result = (error, x[i]) }
    }
    return result
  }

  @Test func expIsWithinTwoUlpOverTheWholeRange() {
    let found = worst({ Elementwise.exp($0, $1, into: $2) }, Foundation.exp)
    #expect(found.0 <= 2, "at \(found.at)")
  }

  @Test func tanhIsWithinThreeUlpOverTheWholeRange() {
    let found = worst({ Elementwise.tanh($0, $1, into: $2) }, Foundation.tanh)
    #expect(found.0 <= 3, "at \(found.at)")
  }

  @Test func erfIsWithinThreeUlpOverTheWholeRange() {
    let found = worst({ Elementwise.erf($0, $1, into: $2) }, Foundation.erf)
    #expect(found.0 <= 3, "at \(found.at)")
  }

  @Test func logIsWithinOneUlpOverTheWholeRange() {
    let found = worst({ Elementwise.log($0, $1, into: $2) }, flushed: 0, Foundation.log)
    #expect(found.0 <= 1, "at \(found.at)")
  }

  @Test func log1pIsWithinOneUlpOverTheWholeRange() {
    let found = worst({ Elementwise.log1p($0, $1, into: $2) }, flushed: 0, Foundation.log1p)
    #expect(found.0 <= 1, "at \(found.at)")
  }

  @Test func sigmoidIsWithinThreeUlpOverTheWholeRange() {
    let found = worst(
      { Activation.sigmoid.apply(count: $0, x: $1, y: $2) }, { 1 / (1 + Foundation.exp(-$0)) })
    #expect(found.0 <= 3, "at \(found.at)")
  }

  @Test func siluIsWithinThreeUlpOverTheWholeRange() {
    let found = worst(
      { Activation.silu.apply(count: $0, x: $1, y: $2) }, flushed: 0x1p-121,
      { $0 / (1 + Foundation.exp(-$0)) })
    #expect(found.0 <= 3, "at \(found.at)")
  }

  @Test func logarithmsOfTheEdges() {
    let infinity = Float.infinity
    let x: [Float] = [0, -0.0, -1, infinity, -infinity, .leastNonzeroMagnitude, 1]
    var y = x
    Elementwise.log(x.count, x, into: &y)
    #expect(y[0] == -infinity && y[1] == -infinity && y[2].isNaN && y[3] == infinity && y[4].isNaN)
    #expect(y[5] == Float(Foundation.log(Double(Float.leastNonzeroMagnitude))) && y[6] == 0)
    let z: [Float] = [0, -0.0, -1, -1.5, infinity, -infinity, .leastNonzeroMagnitude]
    y = z
    Elementwise.log1p(z.count, z, into: &y)
    #expect(y[0] == 0 && y[1] == 0 && y[1].sign == .minus && y[2] == -infinity && y[3].isNaN)
    #expect(y[4] == infinity && y[5].isNaN && y[6] == .leastNonzeroMagnitude)
  }

  @Test(arguments: Activation.allCases)
  func activationsInPlaceHaveTheSameBits(_ activation: Activation) {
    let x = (0..<1_003).map { Float($0 - 500) / 61 }
    var apart = x
    activation.apply(count: x.count, x: x, y: &apart)
    var same = x
    same.withUnsafeMutableBufferPointer {
      if let base = $0.baseAddress { activation.apply(count: $0.count, x: base, y: base) }
    }
    #expect(same.map(\.bitPattern) == apart.map(\.bitPattern))
  }

  /// The slope against a difference in double precision.
  @Test(arguments: Activation.allCases)
  func slopesAreThoseOfTheFunctions(_ activation: Activation) {
    func exact(_ x: Double) -> Double {
      switch activation {
      case .identity: x
      case .relu: max(x, 0)
      case .leakyRelu: x > 0 ? x : 0.01 * x
      case .tanh: Foundation.tanh(x)
      case .sigmoid: 1 / (1 + Foundation.exp(-x))
      case .silu: x / (1 + Foundation.exp(-x))
      case .gelu: 0.5 * x * (1 + Foundation.erf(x / 2.0.squareRoot()))
      }
    }
    let x = (0..<400).map { (Float($0) - 199.5) / 20 }
    var known = x
    if !activation.gradientNeedsInput { activation.apply(count: x.count, x: x, y: &known) }
    var slope = x
    activation.gradient(
      count: x.count, known: known, dy: [Float](repeating: 1, count: x.count), dx: &slope)
    for i in x.indices {
      let expected = (exact(Double(x[i]) + 1e-5) - exact(Double(x[i]) - 1e-5)) / 2e-5
      #expect(abs(Double(slope[i]) - expected) < 2e-6, "at \(x[i])")
    }
  }

  /// bias + activation + residual of a tile, with what the gradient needs, against the plain functions.
  @Test(arguments: Activation.allCases, [(false, false), (true, false), (false, true), (true, true)])
  func tilesWithBiasAndResidual(_ activation: Activation, _ has: (bias: Bool, residual: Bool)) {
    let (rows, columns, stride) = (3, 37, 41)
    let y = (0..<rows * stride).map { sin(Float($0)) * 3 }
    let bias = (0..<columns).map { cos(Float($0)) }
    let residual = (0..<rows * stride).map { sin(Float($0) * 1.7) }
    for keeps in [false, true] {
      var found = y
      var known = y
      known.withUnsafeMutableBufferPointer { known in
        activation.applyWithBias(
          rows: rows, columns: columns, bias: has.bias ? bias : nil, residual: has.residual ? residual : nil,
          ldr: stride, y: &found, ldy: stride, known: keeps ? known.baseAddress : nil, ldk: stride)
      }
      for row in 0..<rows {
        for column in 0..<stride {
          let i = row * stride + column
          guard column < columns else {
            #expect(found[i] == y[i] && known[i] == y[i])
            continue
          }
          let before = y[i] + (has.bias ? bias[column] : 0)
          var after: Float = 0
          activation.apply(count: 1, x: [before], y: &after)
          #expect(abs(found[i] - (after + (has.residual ? residual[i] : 0))) <= 1e-6)
          if keeps { #expect(abs(known[i] - (activation.gradientNeedsInput ? before : after)) <= 1e-6) }
        }
      }
    }
  }

  @Test(arguments: Activation.allCases)
  func activationsPassNotANumberThrough(_ activation: Activation) {
    let x: [Float] = [.nan, 1, -1]
    var y: [Float] = [0, 0, 0]
    activation.apply(count: 3, x: x, y: &y)
    #expect(y[0].isNaN)
    #expect(!y[1].isNaN && !y[2].isNaN)
  }
}
