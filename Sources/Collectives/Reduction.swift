import Kernels
import MPI

/// How an allreduce combines the contributions.
public enum Reduction: Sendable, CaseIterable {
  case sum, minimum, maximum

  /// MPI's name for it.
  public var operation: ReduceOperation {
    switch self {
    case .sum: .sum
    case .minimum: .minimum
    case .maximum: .maximum
    }
  }
}

/// An element type that schedules can reduce.
///
/// Integers add modulo 2^bits, as MPI does. Minimum and maximum of floating-point elements are not defined
/// where one is NaN; sums keep NaN and infinity. In each loop the ranges do not overlap.
public protocol Reducible: MPIScalar, Comparable {
  /// block[i] = operand[i] + block[i]
  static func add(_ operand: UnsafePointer<Self>, into block: UnsafeMutablePointer<Self>, count: Int)
  /// block[i] = the lesser of operand[i] and block[i]
  static func takeMinimum(_ operand: UnsafePointer<Self>, into block: UnsafeMutablePointer<Self>, count: Int)
  /// block[i] = the greater of operand[i] and block[i]
  static func takeMaximum(_ operand: UnsafePointer<Self>, into block: UnsafeMutablePointer<Self>, count: Int)
}

// The conformances below are in this file so that the compiler makes each loop for each type.
extension Reducible {
  public static func takeMinimum(
    _ operand: UnsafePointer<Self>, into block: UnsafeMutablePointer<Self>, count: Int
  ) {
    for i in 0..<count { block[i] = min(operand[i], block[i]) }
  }

  public static func takeMaximum(
    _ operand: UnsafePointer<Self>, into block: UnsafeMutablePointer<Self>, count: Int
  ) {
    for i in 0..<count { block[i] = max(operand[i], block[i]) }
  }

  /// block[i] = operand[i] combined with block[i], over untyped memory.
  static func combine(
    _ reduction: Reduction, _ operand: UnsafeRawPointer, into block: UnsafeMutableRawPointer, count: Int
  ) {
    let operand = operand.assumingMemoryBound(to: Self.self)
    let block = block.assumingMemoryBound(to: Self.self)
    switch reduction {
    case .sum: add(operand, into: block, count: count)
    case .minimum: takeMinimum(operand, into: block, count: count)
    case .maximum: takeMaximum(operand, into: block, count: count)
    }
  }
}

extension Reducible where Self: FixedWidthInteger {
  public static func add(_ operand: UnsafePointer<Self>, into block: UnsafeMutablePointer<Self>, count: Int) {
    for i in 0..<count { block[i] = operand[i] &+ block[i] }
  }
}

extension Float: Reducible {
  public static func add(_ operand: UnsafePointer<Self>, into block: UnsafeMutablePointer<Self>, count: Int) {
    Elementwise.add(count, to: block, operand)
  }
}

extension Double: Reducible {
  public static func add(_ operand: UnsafePointer<Self>, into block: UnsafeMutablePointer<Self>, count: Int) {
    Elementwise.add(count, to: block, operand)
  }
}

extension Int8: Reducible {}
extension Int16: Reducible {}
extension Int32: Reducible {}
extension Int64: Reducible {}
extension Int: Reducible {}
extension UInt8: Reducible {}
extension UInt16: Reducible {}
extension UInt32: Reducible {}
extension UInt64: Reducible {}
extension UInt: Reducible {}
