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

  private func worst(_ function: Function, _ exact: (Double) -> Double) -> (Double, at: Float) {
    let x = Self.samples
    var y = [Float](repeating: 0, count: x.count)
    function(x.count, x, &y)
    var result = (0.0, at: Float(0))
    for i in 0..<x.count {
      if x[i].isNaN {
        #expect(y[i].isNaN)
        continue
      }
      let expected = exact(Double(x[i]))
      if abs(expected) < 0x1p-126 && abs(y[i]) < 0x1p-125 { continue }  // flushed to zero: documented
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

  @Test(arguments: Activation.allCases)
  func activationsPassNotANumberThrough(_ activation: Activation) {
    let x: [Float] = [.nan, 1, -1]
    var y: [Float] = [0, 0, 0]
    activation.apply(count: 3, x: x, y: &y)
    #expect(y[0].isNaN)
    #expect(!y[1].isNaN && !y[2].isNaN)
  }
}
