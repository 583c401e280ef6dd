import BLAS
import Graph
import Kernels
import Optimizers

/// What an update does to a piece, by the tensor that it is a part of.
final class UpdateRules {
  let optimizer: any Optimizer
  /// For each tensor the momentum of a running statistic; nil for trained ones.
  private let momenta: [Float?]
  /// Per tensor: the sums of its pieces' norms, in this step.
  private var norms: [SquaredNorms]

  init(_ graph: Graph, optimizer: any Optimizer) {
    self.optimizer = optimizer
    momenta = graph.parameters.map(\.momentum)
    norms = Array(repeating: SquaredNorms(), count: graph.parameters.count)
  }

  /// Arenas of state.
  var stateCount: Int { optimizer.stateCount }
  var needsNorms: Bool { optimizer.needsNorms }

  func isTrained(_ piece: UpdatePieces.Piece) -> Bool { momenta[piece.tensor] == nil }
  func changes(_ piece: UpdatePieces.Piece) -> Bool { true }
  func decays(_ piece: UpdatePieces.Piece) -> Bool { true }

  /// What a piece adds to the squared norm of the gradient.
  func squaredNorm(_ piece: UpdatePieces.Piece, _ gradient: UnsafePointer<Float>) -> Double { 0 }

  func scale(squaredNorm: Double) -> Float { 1 }

  /// The gradient as the update takes it, in `scratch` unless it is as it was. `scratch` may hold it.
  func clip(
    _ gradient: UnsafePointer<Float>, _ piece: UpdatePieces.Piece, _ decision: UpdateDecision,
    into scratch: UnsafeMutablePointer<Float>
  ) -> UnsafePointer<Float> { gradient }

  /// Before the pieces of a step: makes the norms of tensors from those of their pieces.
  func prepare(_ step: UpdateStep, _ state: TrainingState, _ pieces: UpdatePieces) {
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
  }
}
