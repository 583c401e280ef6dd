import BLAS
import Graph

extension Optimizer {
  /// The update of a whole arena on one process, for use without a trainer.
  ///
  /// - Parameters:
  ///   - groups: nil where all parameters are trained and decay.
  ///   - gradients: of the mean loss over the batch.
  ///   - state: `stateCount` arenas, one after the other.
  public func update(
    _ pieces: UpdatePieces, _ graph: Graph, groups: ParameterGroups? = nil, parameters: Arena,
    gradients: Arena, state: Arena, at step: UpdateStep, on pool: ThreadPool
  ) {
    func operands(_ piece: UpdatePieces.Piece) -> UpdateOperands {
      let first = piece.range.lowerBound
      return UpdateOperands(
        count: piece.range.count, gradients: gradients.base + first, parameters: parameters.base + first,
        firstState: state.base + first, stateStride: pieces.arenaCount,
        decays: groups?.decays[piece.tensor] ?? true)
    }
    let trained = pieces.trained(graph, groups)
    var norms = [SquaredNorms](repeating: SquaredNorms(), count: graph.parameters.count)
    if needsNorms {
      for piece in trained { norms[piece.tensor] += squaredNorms(operands(piece), at: step) }
    }
    pool.run(tiles: trained.count) { index in
      update(operands(trained[index]), at: step, norms: norms[trained[index].tensor])
    }
  }
}

extension GradientClipping {
  /// Clips all gradients of an arena in place on one process, for use without a trainer.
  ///
  /// - Parameter groups: as for the update.
  /// - Returns: the norm of all gradients before.
  @discardableResult public func clip(
    _ gradients: Arena, _ pieces: UpdatePieces, _ graph: Graph, groups: ParameterGroups? = nil,
    on pool: ThreadPool
  ) -> Double {
    let trained = pieces.trained(graph, groups)
    let squaredNorm = trained.reduce(0) {
      $0 + Self.squaredNorm(gradients.base + $1.range.lowerBound, count: $1.range.count)
    }
    let factor = factor(squaredNorm: squaredNorm)
    pool.run(tiles: trained.count) { index in
      let piece = gradients.base + trained[index].range.lowerBound
      clip(from: piece, into: piece, count: trained[index].range.count, factor: factor)
    }
    return squaredNorm.squareRoot()
  }
}

extension UpdatePieces {
  /// The pieces that have gradients: neither running statistics nor frozen.
  fileprivate func trained(_ graph: Graph, _ groups: ParameterGroups?) -> [Piece] {
    pieces.filter { graph.parameters[$0.tensor].momentum == nil && groups?.isFrozen[$0.tensor] != true }
  }
}
