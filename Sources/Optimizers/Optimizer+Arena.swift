import BLAS
import Graph

extension Optimizer {
  /// The update of a whole arena on one process, for use without a trainer.
  ///
  /// - Parameters:
  ///   - gradients: of the mean loss over the batch.
  ///   - state: `stateCount` arenas, one after the other.
  public func update(
    _ pieces: UpdatePieces, _ graph: Graph, parameters: Arena, gradients: Arena, state: Arena,
    at step: UpdateStep, on pool: ThreadPool
  ) {
    func operands(_ piece: UpdatePieces.Piece) -> UpdateOperands {
      let first = piece.range.lowerBound
      return UpdateOperands(
        count: piece.range.count, gradients: gradients.base + first, parameters: parameters.base + first,
        firstState: state.base + first, stateStride: pieces.arenaCount)
    }
    var norms = [SquaredNorms](repeating: SquaredNorms(), count: graph.parameters.count)
    if needsNorms {
      for piece in pieces.pieces { norms[piece.tensor] += squaredNorms(operands(piece), at: step) }
    }
    let trained = pieces.pieces.filter { graph.parameters[$0.tensor].momentum == nil }
    pool.run(tiles: trained.count) { index in
      update(operands(trained[index]), at: step, norms: norms[trained[index].tensor])
    }
  }
}
