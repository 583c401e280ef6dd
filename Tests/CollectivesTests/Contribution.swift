import Collectives
import Foundation
import MPI
import MPITestSupport
import Testing

/// An element type with random contributions, and a bound on how far two orders of additions may be apart.
protocol Contribution: Reducible {
  static func random(using generator: inout SeededGenerator) -> Self

  /// The first element at which two sums over `size` ranks differ by more than rounding can explain.
  static func firstDifference(_ a: [Self], _ b: [Self], size: Int) -> Int?
}

// Contributions lie in -1...1. Each of size - 1 additions rounds by at most half an ulp of a partial sum,
// which is at most size. The loops are written out for each type, since a generic one over a million elements
// takes seconds in a debug build.
extension Float: Contribution {
  static func random(using generator: inout SeededGenerator) -> Float {
    .random(in: -1...1, using: &generator)
  }
  static func firstDifference(_ a: [Float], _ b: [Float], size: Int) -> Int? {
    let tolerance = Float((size - 1) * size) * .ulpOfOne
    for i in 0..<a.count where !(abs(a[i] - b[i]) <= tolerance) { return i }
    return nil
  }
}

extension Double: Contribution {
  static func random(using generator: inout SeededGenerator) -> Double {
    .random(in: -1...1, using: &generator)
  }
  static func firstDifference(_ a: [Double], _ b: [Double], size: Int) -> Int? {
    let tolerance = Double((size - 1) * size) * .ulpOfOne
    for i in 0..<a.count where !(abs(a[i] - b[i]) <= tolerance) { return i }
    return nil
  }
}

/// Integers add modulo 2^bits, in any order to the same result.
extension Contribution where Self: FixedWidthInteger {
  static func random(using generator: inout SeededGenerator) -> Self {
    .random(in: .min ... .max, using: &generator)
  }
  static func firstDifference(_ a: [Self], _ b: [Self], size: Int) -> Int? {
    for i in 0..<a.count where a[i] != b[i] { return i }
    return nil
  }
}

extension Int32: Contribution {}
extension Int64: Contribution {}

/// This rank's contribution: different on every rank, and from call to call. Long ones repeat 1,009 random
/// elements, a prime number, so that no chunk or segment begins where another one did.
func contribution<T: Contribution>(of _: T.Type, count: Int, rank: Int, seed: UInt64) -> [T] {
  var generator = SeededGenerator(seed: seed &+ UInt64(rank) &* 0x1_0000_0001)
  let random = (0..<min(count, 1_009)).map { _ in T.random(using: &generator) }
  return Array(unsafeUninitializedCapacity: count) { elements, initialized in
    random.withUnsafeBytes { source in
      let target = UnsafeMutableRawBufferPointer(elements)
      for start in stride(from: 0, to: target.count, by: max(1, source.count)) {
        let part = min(source.count, target.count - start)
        target[start..<start + part].copyBytes(from: source.prefix(part))
      }
    }
    initialized = count
  }
}

func areSameBits<T: BitwiseCopyable>(_ a: [T], _ b: [T]) -> Bool {
  a.count == b.count
    && a.withUnsafeBytes { a in
      b.withUnsafeBytes { b in a.isEmpty || memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0 }
    }
}

/// Whether all ranks hold the same bits: then the bits that all have are the bits that any has. Collective.
func isSameOnAllRanks<T: BitwiseCopyable>(_ elements: [T], on world: borrowing Communicator) throws -> Bool {
  var inAll = elements.withUnsafeBytes { Array($0) }
  var inAny = inAll
  var span = inAll.mutableSpan
  try world.allreduce(&span, .bitwiseAnd)
  span = inAny.mutableSpan
  try world.allreduce(&span, .bitwiseOr)
  return areSameBits(inAll, inAny)
}

/// Expects `executor`'s sum of random contributions to be MPI's within rounding, and the same bits
/// everywhere. Collective.
func expectSum<T: Contribution>(
  of type: T.Type, count: Int, seed: UInt64, by executor: inout AllreduceExecutor,
  on world: borrowing Communicator, sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let mine = contribution(of: type, count: count, rank: world.rank, seed: seed)
  var expected = mine
  var span = expected.mutableSpan
  try world.allreduce(&span, .sum)
  var sums = mine
  span = sums.mutableSpan
  try executor.allreduce(&span)
  let difference = areSameBits(sums, expected) ? nil : T.firstDifference(sums, expected, size: world.size)
  #expect(
    difference == nil, "\(T.self), \(world.size) ranks, count \(count), seed \(seed)",
    sourceLocation: sourceLocation)
  let isSame = try isSameOnAllRanks(sums, on: world)
  #expect(
    isSame, "\(T.self), \(world.size) ranks, count \(count), seed \(seed)", sourceLocation: sourceLocation)
}
