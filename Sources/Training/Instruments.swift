import Collectives
import MPI

/// What a rank knows of its own run: a row for each thread that computes or calls collectives, and the watch over them.
///
/// All figures about communication, whether in `summary.json`, benchmarks or timelines, come from the spans of these rows.
final class Instruments {
  let compute: ThreadRow
  let communication: ThreadRow
  private var watch: Watch?

  /// Collective.
  ///
  /// - Parameter spans: how many to keep on this rank, for a timeline.
  init(
    _ configuration: Configuration.Communication, spans: Int = 0, world: borrowing Communicator
  ) throws(MPIError) {
    let isChecked = configuration.check && world.size > 1
    let check = try isChecked ? CollectiveCheck(owning: world.duplicate()) : nil
    let otherCheck = try isChecked ? CollectiveCheck(owning: world.duplicate()) : nil
    // The compute thread has several spans a microbatch, the other one a bucket.
    compute = ThreadRow(.compute, spans: SpanRecorder(capacity: spans / 3 * 2), check: check)
    communication = ThreadRow(.communication, spans: SpanRecorder(capacity: spans / 3), check: otherCheck)
    let limits = Watch.Limits(
      warning: Double(configuration.warnAfterSeconds), end: Double(configuration.abortAfterSeconds))
    if world.size > 1, limits.shortest != nil {
      watch = try Watch([compute, communication], limits: limits, world: world)
    }
  }

  var rows: [ThreadRow] { [compute, communication] }

  /// Time in which the compute thread summed buckets and gathered parameters, or waited for that or for other ranks.
  var exposedSeconds: Double {
    [.reduction, .gather, .rendezvous, .wait].reduce(0) { $0 + compute.spans.seconds($1) }
  }

  /// Time in which the compute thread computed.
  var computeSeconds: Double {
    [.load, .forward, .backward, .update].reduce(0) { $0 + compute.spans.seconds($1) }
  }

  /// Runs what may fail on some ranks only, and makes the verdict common: `CommonFailure.agreed`, watched.
  func agreed<Result>(
    _ kind: Collective.Kind, on world: borrowing Communicator, _ body: () throws -> Result
  ) throws -> Result {
    compute.spans.begin(kind == .data ? .files : .start, kind.rawValue)
    let outcome = Swift.Result { try body() }
    compute.spans.end()
    return try compute.collective(Collective(kind)) {
      try CommonFailure.agreed(on: world) { try outcome.get() }
    }
  }

  /// Ends the watch. Collective; a second call does nothing. Without it the watch ends with the value, without a word to the others.
  func close() {
    watch?.close()
    watch = nil
  }
}
