import Collectives
import Graph
import MPI
import Optimizers

/// From complete gradients to the weights of the next step.
extension Trainer {
  /// Whether the gradients are finite, summed over all ranks: asked where the parts are, but are large. Collective.
  ///
  /// So a step is skipped exactly if the sum in the end is not finite, however it is shared out: what is not finite in any part is not in
  /// the sum.
  func sumsAreFinite() throws(MPIError) -> Bool {
    var verdict = StepVerdict()
    if !ownPieces.allSatisfy({ updater.areFinite($0) }) { verdict.notFinite = 1 }
    meet()
    return try agree(verdict).notFinite == 0
  }

  /// Updates what this rank does of a bucket that is there, while others still travel: unless the step may be skipped.
  func begin(_ bucket: Int, _ update: UpdateStep) {
    guard let earlyPieces, verdict.notFinite == 0, verdict.large == 0, !earlyPieces[bucket].isEmpty else {
      return
    }
    instruments.compute.spans.begin(.update, bucket)
    for run in earlyPieces[bucket] { updater.begin(run, at: update) }
    instruments.compute.spans.end()
  }

  /// Updates the pieces that are this rank's, when all gradients are complete, but for those that were updated early.
  func update(_ update: UpdateStep, isSkipped: Bool) throws(MPIError) {
    var decision = UpdateDecision(isSkipped: isSkipped)
    let spans = instruments.compute.spans
    let began = Clock.nanoseconds
    if updater.needsNorms, !isSkipped {
      for run in ownPieces { updater.measure(run, at: update) }
      try shareNorms()
      decision.scale = updater.scale
      for run in ownPieces { updater.measureTensors(run, at: update, decision) }
      if updater.needsTensorNorms { try shareNorms() }
    }
    var summing = 0.0
    for run in ownPieces { summing += updater.run(run, at: update, decision) / Double(ownPieces.count) }
    // Before others get the weights: who has all of them goes on, and then every copy has to be at the same step.
    for run in keptPieces { updater.run(run, at: update, decision) }
    let ended = Clock.nanoseconds
    // Sums and updates alternate on all threads of the pool, piece by piece: they are drawn one after the other, as long as each took.
    var summed = began
    if case .shared = reducer.way {
      summed += Int64(summing * Double(ended - began))
      spans.add(.reduction, from: began, to: summed)
      reducer.count(
        shared: updater.elements(ownPieces), others: updater.operandCount - leaves.brought,
        seconds: Double(summed - began) * 1e-9)
    }
    spans.add(.update, from: summed, to: ended)
    meet()
    guard reducer.way.isSharded else { return }
    if !isSkipped { try reducer.gather(state.parameters) }
    state.setStep(update.step + 1)
  }

  /// Makes the norms of all pieces known to all ranks that update together.
  private func shareNorms() throws(MPIError) {
    meet()
    try reducer.shareNorms(state.allNorms, own: ownPieces)
  }

  /// Waits until the ranks that share memory are here, and see what each has written.
  private func meet() {
    guard let arenas else { return }
    instruments.compute.collective(Collective(.weights, step: step)) {
      instruments.compute.spans.begin(.rendezvous)
      arenas.computation.meet()
      instruments.compute.spans.end()
    }
  }

  /// The names of the parameters that are not finite on this rank.
  var notFiniteWeights: [String] {
    network.graph.parameters.filter { !state.parameters[$0.range].allSatisfy(\.isFinite) }.map(\.name)
  }

  /// The names of the tensors whose gradients of the last step were not finite on some rank. Collective.
  func notFiniteTensors() throws(MPIError) -> [String] {
    let parameters = network.graph.parameters
    var found = parameters.map { parameter -> Int64 in
      let isFinite = state.ownGradients.prefix(leaves.brought).allSatisfy { gradients in
        gradients[parameter.range].allSatisfy { $0.magnitude <= leaves.bound }
      }
      return isFinite ? 0 : 1
    }
    var span = found.mutableSpan
    try collective(.loss) { () throws(MPIError) in try world.allreduce(&span, .sum) }
    return zip(parameters, found).filter { $0.1 > 0 }.map(\.0.name)
  }
}
