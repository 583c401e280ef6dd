import Collectives
import MPI
import Synchronization

/// What is known of one thread of a rank: how long it did what, and which collective it is in. A row of the timeline.
///
/// The thread itself writes, others look: the watch, and whoever sums up.
///
/// `@unchecked Sendable` is safe because what is neither atomic nor behind a lock is set before the thread comes to its first collective and
/// is the thread's own from then on.
final class ThreadRow: @unchecked Sendable {
  enum Place: Int, CaseIterable, Sendable {
    case compute, communication
  }

  let place: Place
  let spans: SpanRecorder
  /// Compares this thread's collectives over the ranks; nil where that was not asked for.
  var check: CollectiveCheck?

  private let entered = Atomic<Int>(0)
  private let isInside = Atomic<Bool>(false)
  private let kind = Atomic<Int>(0)
  private let step = Atomic<Int>(0)
  private let bucket = Atomic<Int>(0)
  private let count = Atomic<Int>(0)
  private let setup = Mutex(Setup())

  /// What is told once, and asked for rarely.
  private struct Setup: Sendable {
    var algorithms: [String] = []
    var sources: [(progress: AllreduceProgress, ranks: [Int]?)] = []
  }

  init(_ place: Place, spans: SpanRecorder, check: CollectiveCheck? = nil) {
    self.place = place
    self.spans = spans
    self.check = check
  }

  /// Runs `body`, which calls a collective of all ranks: the watch sees it in there, and the check comes before it.
  func collective<Result, Failure: Error>(
    _ collective: Collective, _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    kind.store(collective.kind.rawValue, ordering: .relaxed)
    step.store(collective.step, ordering: .relaxed)
    bucket.store(collective.bucket, ordering: .relaxed)
    count.store(collective.count, ordering: .relaxed)
    // One thread writes, so that no atomic addition is needed.
    entered.store(entered.load(ordering: .relaxed) + 1, ordering: .relaxed)
    isInside.store(true, ordering: .releasing)
    defer { isInside.store(false, ordering: .releasing) }
    if let check {
      spans.begin(.check, collective.bucket)
      check.compare(collective)
      spans.end()
    }
    return try body()
  }

  /// Runs what reads or writes files of the run. In the middle of a collective, which others may wait in, the watch sees the thread before it.
  func files<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
    let wasInside = isInside.load(ordering: .relaxed)
    if wasInside {
      isInside.store(false, ordering: .releasing)
      entered.store(entered.load(ordering: .relaxed) - 1, ordering: .relaxed)
    }
    spans.begin(.files)
    defer {
      spans.end()
      if wasInside {
        entered.store(entered.load(ordering: .relaxed) + 1, ordering: .relaxed)
        isInside.store(true, ordering: .releasing)
      }
    }
    return try body()
  }

  /// The algorithm of each bucket, in the order of their reduction: for messages and timelines.
  var algorithms: [String] {
    get { setup.withLock { $0.algorithms } }
    set { setup.withLock { $0.algorithms = newValue } }
  }

  /// Has the watch look at `progress` while this thread is in a collective.
  ///
  /// - Parameter ranks: for each rank that `progress` may name its rank in the world; nil where they are the same.
  func follow(_ progress: AllreduceProgress, ranks: [Int]? = nil) {
    setup.withLock { $0.sources.append((progress, ranks)) }
  }

  /// Where the thread stands. Any thread may ask; the words of a thread that moves meanwhile may be of two moments.
  var position: RowPosition {
    let isInside = isInside.load(ordering: .acquiring)
    let words = [
      kind.load(ordering: .relaxed), step.load(ordering: .relaxed), bucket.load(ordering: .relaxed),
      count.load(ordering: .relaxed),
    ]
    let current = spans.current
    var position = RowPosition(
      entered: entered.load(ordering: .relaxed), collective: isInside ? Collective(words: words) : nil,
      activity: .init(
        kind: current.kind, step: current.step, number: current.number,
        seconds: Double(Clock.nanoseconds - current.begin) * 1e-9))
    for (progress, ranks) in setup.withLock({ $0.sources }) {
      let snapshot = progress.snapshot
      position.moves += snapshot.calls + snapshot.actions
      let peer: Int? =
        switch snapshot.activity {
        case .receiving(let peer), .sending(let peer), .meeting(let peer): peer
        case .idle, .working, .mpi: nil
        }
      if let peer { position.peer = ranks.map { $0[peer] } ?? peer }
    }
    return position
  }
}
