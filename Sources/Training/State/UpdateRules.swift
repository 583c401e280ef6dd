import Graph
import Kernels
import Optimizers

/// What an update does to a piece, by the tensor that it is a part of.
final class UpdateRules {
  let optimizer: any Optimizer
  private let clipping: GradientClipping
  private let groups: ParameterGroups
  /// The mean of the weights, in the arena of state after the optimizer's; nil for none.
  let average: WeightAverage?
  /// For each tensor the momentum of a running statistic; nil for trained ones.
  private let momenta: [Float?]
  /// Per tensor: the sums of its pieces' norms, in this step.
  private var norms: [SquaredNorms]

  init(
    _ graph: Graph, optimizer: any Optimizer, clipping: GradientClipping, groups: ParameterGroups,
    average: WeightAverage?
  ) {
    self.optimizer = optimizer
    self.clipping = clipping
    self.groups = groups
    self.average = average
    momenta = graph.parameters.map(\.momentum)
    norms = Array(repeating: SquaredNorms(), count: graph.parameters.count)
  }

  /// Arenas of state.
  var stateCount: Int { optimizer.stateCount + (average == nil ? 0 : 1) }

  /// Whether the norm of the whole gradient decides about an update, or norms of tensors.
  var needsNorms: Bool {
    if case .norm = clipping { true } else { optimizer.needsNorms }
  }

  /// Whether the optimizer updates it.
  func isTrained(_ piece: UpdatePieces.Piece) -> Bool {
    momenta[piece.tensor] == nil && !groups.isFrozen[piece.tensor]
  }
  func changes(_ piece: UpdatePieces.Piece) -> Bool { !groups.isFrozen[piece.tensor] }
  func decays(_ piece: UpdatePieces.Piece) -> Bool { groups.decays[piece.tensor] }

  /// What a piece adds to the squared norm of the gradient.
  func squaredNorm(_ piece: UpdatePieces.Piece, _ gradient: UnsafePointer<Float>) -> Double {
    isTrained(piece) ? GradientClipping.squaredNorm(gradient, count: piece.range.count) : 0
  }

  func scale(squaredNorm: Double) -> Float { clipping.factor(squaredNorm: squaredNorm) }

  /// The gradient as the update takes it, in `scratch` unless it is as it was. `scratch` may hold it.
  func clip(
    _ gradient: UnsafePointer<Float>, _ piece: UpdatePieces.Piece, _ decision: UpdateDecision,
    into scratch: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> {
    guard isTrained(piece) else { return gradient }
    if case .value = clipping {} else if decision.scale == 1 { return gradient }
    clipping.clip(from: gradient, into: scratch, count: piece.range.count, factor: decision.scale)
    return UnsafePointer(scratch)
  }

  /// Before the pieces of a step: makes the norms of tensors from those of their pieces.
  func prepare(_ state: TrainingState, _ pieces: UpdatePieces) {
    guard optimizer.needsNorms else { return }
    for tensor in norms.indices { norms[tensor] = SquaredNorms() }
    for (index, piece) in pieces.pieces.enumerated() {
      let piecewise = state.norms + index * StateLayout.normCount
      norms[piece.tensor] += SquaredNorms(piecewise[1], piecewise[2])
    }
  }

  func apply(_ piece: UpdatePieces.Piece, _ operands: UpdateOperands, at step: UpdateStep) {
    if let momentum = momenta[piece.tensor] {
      // A running statistic, whose gradient is the mean over the step's microbatches.
      for index in 0..<operands.count {
        operands.parameters[index] += momentum * (operands.gradients[index] - operands.parameters[index])
      }
    } else {
      optimizer.update(operands, at: step, norms: norms[piece.tensor])
    }
    average?.update(
      operands.state(optimizer.stateCount), toward: operands.parameters, count: operands.count,
      step: step.step)
  }
}
