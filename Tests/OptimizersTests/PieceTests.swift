import BLAS
import Kernels
import Testing

@testable import Graph
@testable import Optimizers

/// The bits of an update depend neither on how a tensor is cut nor on who computes what.
@Suite struct PieceTests {
  static let optimizers: [any Optimizer] = [
    SGD(), SGD(weightDecay: 0.1), SGD(momentum: 0.9), SGD(momentum: 0.9, nesterov: true, weightDecay: 0.1),
    RMSprop(weightDecay: 0.1), RMSprop(momentum: 0.9), Adagrad(weightDecay: 0.1), Adam(weightDecay: 0.1),
    AdamW(), LARS(weightDecay: 0.1), LAMB(), Lion(weightDecay: 0.1),
  ]

  /// Numbers of many sizes, some of them 0.
  private static func number(_ random: inout some RandomNumberGenerator) -> Float {
    Float.random(in: -2...2, using: &random).rounded(.towardZero)
      * Float.random(in: 0.5...1, using: &random)
      * Float(sign: .plus, exponent: .random(in: -30...3, using: &random), significand: 1)
  }

  private struct Memory {
    let count: Int
    var parameters, state: [Float]

    mutating func update(
      _ optimizer: any Optimizer, _ range: Range<Int>, _ gradients: [Float], _ step: Int,
      _ norms: SquaredNorms,
      decays: Bool
    ) {
      gradients.withUnsafeBufferPointer { gradients in
        parameters.withUnsafeMutableBufferPointer { parameters in
          state.withUnsafeMutableBufferPointer { state in
            guard let g = gradients.baseAddress, let p = parameters.baseAddress, let s = state.baseAddress
            else { return }
            optimizer.update(
              UpdateOperands(
                count: range.count, gradients: g + range.lowerBound, parameters: p + range.lowerBound,
                firstState: s + range.lowerBound, stateStride: count, decays: decays),
              at: UpdateStep(step: step, learningRate: 0.01), norms: norms)
          }
        }
      }
    }

    var bits: [UInt32] { (parameters + state).map(\.bitPattern) }
  }

  @Test func anUpdateInPiecesHasTheBitsOfTheWhole() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    for optimizer in Self.optimizers {
      for round in 0..<6 {
        let count = Int.random(in: 1...700, using: &random)
        let first = (0..<count).map { _ in Self.number(&random) }
        var whole = Memory(
          count: count, parameters: first,
          state: Array(repeating: 0, count: max(1, optimizer.stateCount) * count))
        var pieces = whole
        for step in 0..<4 {
          let gradients = (0..<count).map { _ in Self.number(&random) }
          let norms = SquaredNorms(.random(in: 0...9, using: &random), .random(in: 0...9, using: &random))
          let decays = Bool.random(using: &random)
          whole.update(optimizer, 0..<count, gradients, step, norms, decays: decays)
          let cuts = Set(
            (0..<Int.random(in: 0...9, using: &random)).map { _ in Int.random(in: 0...count, using: &random) }
          )
          let bounds = ([0, count] + cuts).sorted()
          for (start, end) in zip(bounds, bounds.dropFirst()).shuffled(using: &random) {
            pieces.update(optimizer, start..<end, gradients, step, norms, decays: decays)
          }
          #expect(
            pieces.bits == whole.bits,
            "seed \(seed): \(optimizer), round \(round), step \(step), \(count) elements cut at \(bounds)")
        }
      }
    }
  }

  @Test func anyNumberOfThreadsGivesTheSameBits() throws {
    let graph = try someGraph([("a", [70, 500]), ("b", [33]), ("c", [17, 101])])
    let (pieces, count) = (UpdatePieces(graph), graph.arenaCount)
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    let first = (0..<count).map { _ in Self.number(&random) }
    let gradients = (0..<3).map { _ in (0..<count).map { _ in Self.number(&random) } }
    for optimizer in Self.optimizers {
      func bits(threads: Int) -> [UInt32] {
        let pool = ThreadPool(threads: threads)
        let (parameters, ofStep) = (Arena(count: count), Arena(count: count))
        let state = Arena(count: optimizer.stateCount * count)
        parameters.base.update(from: first, count: count)
        for step in 0..<3 {
          ofStep.base.update(from: gradients[step], count: count)
          GradientClipping.norm(0.5).clip(ofStep, pieces, graph, on: pool)
          optimizer.update(
            pieces, graph, parameters: parameters, gradients: ofStep, state: state,
            at: UpdateStep(step: step, learningRate: 0.01), on: pool)
        }
        return (0..<count).map { parameters.base[$0].bitPattern }
      }
      let alone = bits(threads: 1)
      #expect(bits(threads: 2) == alone, "seed \(seed): \(optimizer)")
      #expect(bits(threads: 3) == alone, "seed \(seed): \(optimizer)")
    }
  }

  /// Whoever owns whole multiples of a piece's length owns whole pieces.
  @Test func noPieceLiesOnBothSidesOfAMultipleOfItsLength() throws {
    let graph = try someGraph([("a", [70, 500]), ("b", [33]), ("c", [17, 3_001]), ("d", [5])])
    let (pieces, length) = (UpdatePieces(graph), UpdatePieces.length)
    for (index, parameter) in graph.parameters.enumerated() {
      let parts = pieces.pieces.filter { $0.tensor == index }.map(\.range)
      #expect(
        parts.reduce(parameter.offset) { $0 == $1.lowerBound ? $1.upperBound : -1 }
          == parameter.range.upperBound)
    }
    for piece in pieces.pieces {
      #expect(
        !piece.range.isEmpty && piece.range.lowerBound / length == (piece.range.upperBound - 1) / length)
    }
    var found: [Int] = []
    for cut in stride(from: 0, to: graph.arenaCount, by: length) {
      found += pieces.indices(in: cut..<min(cut + length, graph.arenaCount))
    }
    #expect(found == Array(pieces.pieces.indices))
  }

  @Test func anAverageInPiecesHasTheBitsOfTheWhole() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SplitMix(state: seed)
    let weights = (0..<501).map { _ in Self.number(&random) }
    let first = (0..<501).map { _ in Self.number(&random) }
    let average = WeightAverage(decay: 0.97)
    func averaged(_ cuts: [Int]) -> [UInt32] {
      var result = first
      result.withUnsafeMutableBufferPointer { result in
        weights.withUnsafeBufferPointer { weights in
          guard let from = weights.baseAddress, let to = result.baseAddress else { return }
          for (start, end) in zip(cuts, cuts.dropFirst()) {
            average.update(to + start, toward: from + start, count: end - start, step: 1)
          }
        }
      }
      return result.map(\.bitPattern)
    }
    let whole = averaged([0, 501])
    for _ in 0..<20 {
      let cut = Int.random(in: 0...501, using: &random)
      #expect(averaged([0, cut, 501]) == whole, "seed \(seed), cut at \(cut)")
    }
    for (place, bits) in whole.enumerated() {
      let exact = Double(first[place]) + 0.03 * (Double(weights[place]) - Double(first[place]))
      #expect(
        abs(Double(Float(bitPattern: bits)) - exact) <= 3e-7 * max(abs(exact), Double(abs(first[place]))))
    }
  }
}

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), with a state that can be printed.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
