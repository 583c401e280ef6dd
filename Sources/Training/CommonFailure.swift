import Graph
import MPI

/// A failure that every rank of the job knows of and throws: rank 0 prints it, and all exit with its status.
public struct CommonFailure: CommonError, CustomStringConvertible {
  /// One line: what is wrong, where, and what to do.
  public let description: String
  public let exitStatus: Int32
  /// Whether the state of the run in memory is of no use any more: it can only fail again, or a checkpoint has it. Not kept by `agreed`.
  let endsRun: Bool

  /// Throw it on all ranks, or inside `agreed`.
  package init(_ description: String, exitStatus: Int32 = 1) {
    self.init(description, exitStatus: exitStatus, endsRun: exitStatus == 75)
  }

  init(_ description: String, exitStatus: Int32 = 1, endsRun: Bool) {
    self.description = description
    self.exitStatus = exitStatus
    self.endsRun = endsRun
  }

  /// Runs `body`, which may fail on some ranks only, and makes the verdict common: all ranks return, or all throw.
  ///
  /// Collective. The text is that of the lowest rank that failed, with its number unless that is rank 0. The exit status is what that rank's
  /// error asks for, 2 for a model whose shapes do not fit, else 1.
  public static func agreed<Result>(
    on world: borrowing Communicator, _ body: () throws -> Result
  ) throws -> Result {
    let outcome = Swift.Result { try body() }
    var verdict: String?
    var status: Int32 = 0
    if case .failure(let error) = outcome {
      verdict = "\(error)"
      status = (error as? any ExitStatusError)?.exitStatus ?? (error is ShapeError ? 2 : 1)
    }
    if let failure = try world.agree(verdict) {
      let common = try world.broadcast(status, root: failure.rank)
      let place = failure.rank == 0 ? "" : "rank \(failure.rank): "
      throw CommonFailure(place + failure.text, exitStatus: common)
    }
    return try outcome.get()
  }
}
