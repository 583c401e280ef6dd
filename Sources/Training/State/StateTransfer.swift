import MPI

/// Brings parameters and states from remnants to where they belong: parameters to all ranks, states to those whose share they are in. All
/// remnants are at one step.
///
/// The arena is gone through in one order by all ranks, so that messages which wait for each other are the same ones on both sides.
struct StateTransfer {
  private let remnants: [Remnant]
  private let sources: [RecoveryPlan.Source]
  private let shares: [StateShare]
  private let state: TrainingState

  /// - Parameters:
  ///   - remnants: of this rank.
  ///   - shares: of all ranks, of the new state.
  ///   - state: of this rank, new or one of the remnants'.
  init(remnants: [Remnant], plan: RecoveryPlan, shares: [StateShare], to state: TrainingState) {
    self.remnants = remnants
    self.shares = shares
    self.state = state
    sources = plan.sources(shares)
  }

  /// Collective.
  func run(on ranks: borrowing Communicator) throws(MPIError) {
    for source in runs {
      if source.places[0].rank == ranks.rank {
        let old = remnants[source.places[0].number].state.parameters.base + source.range.lowerBound
        let new = state.parameters.base + source.range.lowerBound
        if old != new { new.update(from: old, count: source.range.count) }
      }
      var parameters = state.parameters[source.range].mutableSpan
      try ranks.broadcast(&parameters, root: source.places[0].rank)
    }
    for source in sources {
      for (target, share) in shares.enumerated() where share.contains(source.range.lowerBound) {
        let place = source.places.first { $0.rank == target } ?? source.places[0]
        guard place.rank == ranks.rank || target == ranks.rank else { continue }
        for index in 0..<state.layout.core.stateCount {
          try move(index, source.range, from: place, to: target, on: ranks)
        }
      }
    }
  }

  private func move(
    _ index: Int, _ range: Range<Int>, from place: RecoveryPlan.Place, to target: Int,
    on ranks: borrowing Communicator
  ) throws(MPIError) {
    if place.rank == target {
      let old = values(index, range, of: remnants[place.number].state)
      let new = values(index, range, of: state)
      if old.baseAddress != new.baseAddress { _ = new.update(fromContentsOf: old) }
    } else if target == ranks.rank {
      var values = values(index, range, of: state).mutableSpan
      try ranks.receive(into: &values, from: place.rank)
    } else {
      let values = values(index, range, of: remnants[place.number].state)
      try ranks.send(values.span, to: target)
    }
  }

  private func values(
    _ index: Int, _ range: Range<Int>, of state: TrainingState
  ) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(
      start: state.firstState(of: range.lowerBound) + index * state.stateStride, count: range.count)
  }

  /// Sources with neighbours of the same first place as one.
  private var runs: [RecoveryPlan.Source] {
    sources.reduce(into: []) { runs, next in
      if let last = runs.last, last.places[0] == next.places[0],
        last.range.upperBound == next.range.lowerBound
      {
        runs[runs.count - 1].range = last.range.lowerBound..<next.range.upperBound
      } else {
        runs.append(next)
      }
    }
  }
}
