/// A first-order optimizer over pieces of tensors.
///
/// It has no state of its own: what it keeps from step to step lies in arenas that its caller owns, zero before the first step. So an update
/// can be done on any rank, by any thread, and again after it was cut off.
public protocol Optimizer: Sendable {
  /// The name in configurations.
  var name: String { get }

  /// How many arenas of the parameters' size it keeps.
  var stateCount: Int { get }

  /// Whether an update depends on norms of its whole tensor: then `squaredNorms` is called for all pieces before `update` for any.
  var needsNorms: Bool { get }

  /// What this piece adds to the norms of its tensor. Changes nothing.
  func squaredNorms(_ piece: UpdateOperands, at step: UpdateStep) -> SquaredNorms

  /// Updates a piece in place. Called by several threads at the same time, with different pieces; the result for an element may not depend
  /// on how its tensor is cut.
  ///
  /// - Parameter norms: the sums of `squaredNorms` over all pieces of the tensor; zero where `needsNorms` is false.
  func update(_ piece: UpdateOperands, at step: UpdateStep, norms: SquaredNorms)
}

extension Optimizer {
  public var needsNorms: Bool { false }
  public func squaredNorms(_ piece: UpdateOperands, at step: UpdateStep) -> SquaredNorms { SquaredNorms() }
}

/// What is the same for all pieces of a step.
public struct UpdateStep: Sendable, Equatable {
  /// Counted from 0.
  public var step: Int
  /// The schedule's factor applied.
  public var learningRate: Double

  public init(step: Int, learningRate: Double) {
    self.step = step
    self.learningRate = learningRate
  }
}

/// The memory of one piece, valid during the call.
public struct UpdateOperands {
  /// Elements.
  public let count: Int
  /// Of the mean loss over the global batch, clipped if that was asked for.
  public let gradients: UnsafePointer<Float>
  public let parameters: UnsafeMutablePointer<Float>
  /// Whether weight decay is for this tensor.
  public let decays: Bool
  private let firstState: UnsafeMutablePointer<Float>
  private let stateStride: Int

  /// - Parameters:
  ///   - firstState: the piece in the first arena of state; it lies `stateStride` elements further in each next one.
  public init(
    count: Int, gradients: UnsafePointer<Float>, parameters: UnsafeMutablePointer<Float>,
    firstState: UnsafeMutablePointer<Float>, stateStride: Int, decays: Bool = true
  ) {
    self.count = count
    self.gradients = gradients
    self.parameters = parameters
    self.firstState = firstState
    self.stateStride = stateStride
    self.decays = decays
  }

  /// The piece in the arena of state with that number.
  public func state(_ index: Int) -> UnsafeMutablePointer<Float> { firstState + index * stateStride }
}

/// Sums of squares, of which an optimizer makes the norms that it needs of a tensor. What the two are is its own affair.
public struct SquaredNorms: Sendable, Equatable {
  public var first: Double
  public var second: Double

  public init(_ first: Double = 0, _ second: Double = 0) {
    self.first = first
    self.second = second
  }

  public static func += (sum: inout SquaredNorms, norms: SquaredNorms) {
    sum.first += norms.first
    sum.second += norms.second
  }
}
