import MPI

extension Trainer {
  /// Metrics over the whole test part, the same bits on all ranks and for any number of them. Collective.
  public func evaluate() throws(MPIError) -> Evaluation {
    _ = try average()
    instruments.compute.spans.begin(.evaluation)
    let tally = Evaluator(network: network, executor: evaluated).tally(
      data.test, rank: world.rank, size: world.size)
    instruments.compute.spans.end()
    return try collective(.evaluation) { () throws(MPIError) in
      try tally.evaluation(classNames: data.test.classNames, on: world)
    }
  }
}
