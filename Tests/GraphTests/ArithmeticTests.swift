import Foundation
import Graph
import Kernels
import Testing

@Suite struct ArithmeticTests {
  /// Shapes that broadcast to each other: drawn, then axes of either made 1, and leading ones dropped.
  private static func shapes(seed: UInt64) -> [Shape] {
    var drawn = 0
    func draw(below bound: Int) -> Int {
      drawn += 1
      return Int(Philox(key: seed).block(at: drawn, for: .synthetic).x) % bound
    }
    let common = (0..<draw(below: 5)).map { _ in 1 + draw(below: 6) }
    return (0..<2).map { _ in
      Shape(Array(common.map { draw(below: 3) == 0 ? 1 : $0 }.dropFirst(draw(below: common.count + 1))))
    }
  }

  @Test(arguments: 1...60 as ClosedRange<UInt64>) func resultsAreThoseOfTheRule(_ seed: UInt64) throws {
    let shapes = Self.shapes(seed: seed)
    let a = TracedFunction.numbers(shapes[0].count, key: seed)
    let b = TracedFunction.numbers(shapes[1].count, key: seed + 1_000)
    let functions: [(([Tensor]) -> Tensor, (Float, Float) -> Float)] = [
      ({ $0[0] + $0[1] }, { $0 + $1 }), ({ $0[0] - $0[1] }, { $0 - $1 }), ({ $0[0] * $0[1] }, { $0 * $1 }),
      ({ $0[0] / $0[1] }, { $0 / $1 }),
    ]
    for (traced, plain) in functions {
      let found = try TracedFunction(shapes, traced)(a, b)
      #expect(found.shape.rank == max(shapes[0].rank, shapes[1].rank), "seed \(seed)")
      for (place, value) in zip(places(of: found.shape), found.elements) {
        let expected = plain(a[offset(of: place, in: shapes[0])], b[offset(of: place, in: shapes[1])])
        #expect(value == expected, "seed \(seed), \(shapes), \(place)")
      }
    }
  }

  @Test(arguments: [
    [[3, 5], [3, 5]], [[3, 5], [5]], [[5], [3, 5]], [[3, 1], [1, 5]], [[2, 3, 4], [3, 1]], [[1], [2, 3]],
    [[2, 1, 3, 1], [4, 1, 2]], [[], [2, 2]],
  ])
  func gradientsAreSummedOverTheAxesOfRepetition(_ extents: [[Int]]) throws {
    let shapes = extents.map { Shape($0) }
    try TracedFunction(shapes) { $0[0] + $0[1] }.expectExactGradients()
    try TracedFunction(shapes) { $0[0] - $0[1] }.expectExactGradients()
    try TracedFunction(shapes) { $0[0] * $0[1] }.expectExactGradients()
    // Away from a denominator of 0.
    try TracedFunction(shapes) { $0[0] / ($0[1] + 3) }.expectExactGradients()
  }

  @Test func gradientsOfATensorWithItself() throws {
    try TracedFunction([[3, 4]]) { $0[0] + $0[0] }.expectExactGradients()
    try TracedFunction([[3, 4]]) { $0[0] - $0[0] }.expectExactGradients()
    try TracedFunction([[3, 4]]) { $0[0] * $0[0] }.expectExactGradients()
    try TracedFunction([[3, 4]]) { ($0[0] + 3) / ($0[0] + 3) }.expectExactGradients()
    try TracedFunction([[3, 4]]) { x in
      let y = x[0] + 3
      return y / y
    }.expectExactGradients()
    try TracedFunction([[3, 4]]) { $0[0] * $0[0].sum([1], keepsAxes: true) }.expectExactGradients()
  }

  @Test func numbersOnEitherSide() throws {
    let x = TracedFunction.numbers(300, key: 4)
    let functions: [(([Tensor]) -> Tensor, (Float) -> Float)] = [
      ({ $0[0] + 2.5 }, { $0 + 2.5 }), ({ 2.5 + $0[0] }, { $0 + 2.5 }), ({ $0[0] - 2.5 }, { $0 - 2.5 }),
      ({ 2.5 - $0[0] }, { 2.5 - $0 }), ({ $0[0] * 3 }, { $0 * 3 }), ({ 3 * $0[0] }, { $0 * 3 }),
      ({ $0[0] / 4 }, { $0 / 4 }), ({ 4 / $0[0] }, { 4 * (1 / $0) }), ({ -$0[0] }, { -$0 }),
    ]
    for (index, (traced, plain)) in functions.enumerated() {
      let found = try TracedFunction([[300]], traced)(x).elements
      #expect(zip(found, x).allSatisfy { abs($0 - plain($1)) <= 1e-6 * abs($0) }, "function \(index)")
      try TracedFunction([[4, 5]]) { traced([$0[0] + 2]) }.expectExactGradients()
    }
  }

  @Test func functionsOfOneTensor() throws {
    let x = TracedFunction.numbers(200, key: 5).map { $0 + 1.5 }
    let functions: [(([Tensor]) -> Tensor, (Double) -> Double)] = [
      ({ $0[0].exp() }, { Foundation.exp($0) }), ({ $0[0].log() }, { Foundation.log($0) }),
      ({ $0[0].log1p() }, { Foundation.log1p($0) }), ({ $0[0].sqrt() }, { $0.squareRoot() }),
      ({ $0[0].reciprocal() }, { 1 / $0 }), ({ $0[0].tanh() }, { Foundation.tanh($0) }),
      ({ $0[0].sigmoid() }, { 1 / (1 + Foundation.exp(-$0)) }),
      ({ $0[0].silu() }, { $0 / (1 + Foundation.exp(-$0)) }), ({ $0[0].relu() }, { max($0, 0) }),
      ({ $0[0].leakyRelu() }, { $0 > 0 ? $0 : $0 / 100 }),
      ({ $0[0].gelu() }, { 0.5 * $0 * (1 + Foundation.erf($0 / 2.0.squareRoot())) }),
    ]
    for (index, (traced, plain)) in functions.enumerated() {
      let found = try TracedFunction([[200]], traced)(x).elements
      for (y, x) in zip(found, x) { #expect(abs(Double(y) - plain(Double(x))) < 1e-6, "function \(index)") }
      try TracedFunction([[4, 5]]) { traced([$0[0] + 2]) }.expectExactGradients()
      try TracedFunction([[31, 1_003]], traced).expectSameBitsOnAnyThreads()
    }
    for activation in [{ $0.leakyRelu() }, { $0.sigmoid() }, { $0.silu() }] as [(Tensor) -> Tensor] {
      try TracedFunction([[4, 19]]) { activation($0[0]) }.expectExactGradients()
    }
  }

  @Test func threadsDoNotChangeABit() throws {
    for shapes in [[[40, 1_000], [1_000]], [[40, 1], [1, 1_000]], [[1], [70_000]]] as [[Shape]] {
      try TracedFunction(shapes) { $0[0] * $0[1] }.expectSameBitsOnAnyThreads()
      try TracedFunction(shapes) { $0[0] / ($0[1] + 3) }.expectSameBitsOnAnyThreads()
    }
  }

  @Test func shapesThatDoNotFitAreRefused() {
    let error = TracedFunction([[3, 4], [3]]) { $0[0] * $0[1] }.error
    #expect(error == "multiply: expected extents that are equal or 1, found [3, 4] and [3]")
  }
}
