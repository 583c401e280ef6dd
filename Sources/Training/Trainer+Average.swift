import Graph
import MPI

extension Trainer {
  /// The average of the weights, if one is kept. In sharded runs the shares of it come together in the memory of gradients, where nothing is
  /// needed between two steps: it is there until the next one. Collective.
  func average() throws(MPIError) -> Arena? {
    guard reducer.way.isSharded, state.keepsAverage else { return state.average }
    let whole = state.ownGradients[0]
    for range in reducer.shares where !range.isEmpty {
      let share = state.shareOfAverage(range)
      (whole.base + range.lowerBound).update(from: share, count: range.count)
    }
    try reducer.gather(whole)
    return whole
  }
}
