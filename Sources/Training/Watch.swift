import Dispatch
import Foundation
import Logging
import MPI
import Synchronization

/// A thread of each rank that looks, about once a second, whether the collectives of the other threads move.
///
/// When one has not moved for as long as `Limits.warning`, the watch asks the watches of the other ranks where they are, and logs a line that
/// names the rank and host it waits for and what that one does instead: it may be at an earlier point of the run, or give no answer at all.
/// The line comes again once a `Limits.warning`. After `Limits.end` the job ends with it.
///
/// **Cost.** One look a second at some words of memory, and one `MPI_Iprobe`. Nothing is sent before something stands still.
final class Watch {
  /// Seconds without progress; 0 stands for never.
  struct Limits: Sendable {
    var warning: Double
    var end: Double

    /// The shorter of those that there are.
    var shortest: Double? { [warning, end].filter { $0 > 0 }.min() }
  }

  private let loop: WatchLoop
  private var isClosed = false

  /// Starts the watch over these threads. Collective.
  init(_ rows: [ThreadRow], limits: Limits, world: borrowing Communicator) throws(MPIError) {
    let hosts = try world.allgather(MPI.processorName)
    // Two threads that talk at the same time need it; without it the watch knows what its own rank knows.
    let mayAsk = try MPI.threadLevel == .multiple
    loop = WatchLoop(rows, limits: limits, rank: world.rank, hosts: hosts, mayAsk: mayAsk)
    loop.start(CommunicatorHandoff(try world.duplicate()))
  }

  /// Ends the watch when all ranks have come here and no question is open. Collective: call it after the last collective.
  func close() {
    guard !isClosed else { return }
    isClosed = true
    loop.stop(inOrder: true)
  }

  // Dropped on the way of an error, on which other ranks may not come to close theirs.
  deinit { if !isClosed { loop.stop(inOrder: false) } }
}

/// What the thread of a watch does.
final class WatchLoop: Sendable {
  private let rows: [ThreadRow]
  private let limits: Watch.Limits
  private let rank: Int
  private let hosts: [String]
  private let mayAsk: Bool
  private let stopping = DispatchSemaphore(value: 0)
  private let stopped = DispatchSemaphore(value: 0)
  private let isInOrder = Mutex(true)

  /// More ranks than these do not all ask all others.
  private static let manyRanks = 64

  /// Seconds from look to look: limits are met to within a quarter.
  private var tick: Double { min(1, (limits.shortest ?? 4) / 4) }
  /// Seconds to wait for answers: those who are asked look once a tick.
  private var patience: Double { max(1, 3 * tick) }

  init(_ rows: [ThreadRow], limits: Watch.Limits, rank: Int, hosts: [String], mayAsk: Bool) {
    self.rows = rows
    self.limits = limits
    self.rank = rank
    self.hosts = hosts
    self.mayAsk = mayAsk
  }

  func start(_ handoff: CommunicatorHandoff) {
    Thread.start("rondo-watch") { [self] in
      do throws(MPIError) {
        try watch(Inquiry(owning: handoff.take()))
      } catch {
        MPI.abort(with: error)
      }
      stopped.signal()
    }
  }

  func stop(inOrder: Bool) {
    isInOrder.withLock { $0 = inOrder }
    stopping.signal()
    stopped.wait()
  }

  private func watch(_ inquiry: consuming Inquiry) throws(MPIError) {
    var inquiry = inquiry
    var clocks = rows.map { _ in StallClock() }
    var said = rows.map { _ in 0.0 }
    var last = MPI.wallTime()
    while stopping.wait(timeout: .now() + tick) == .timedOut {
      if mayAsk { try inquiry.answer(rows) }
      let now = MPI.wallTime()
      // What is more than this thread meant to sleep and to ask, it was stopped itself.
      let elapsed = min(now - last, 2 * tick + patience)
      last = now
      for index in rows.indices {
        let seconds = clocks[index].look(rows[index].position, elapsed: elapsed)
        if seconds < said[index] { said[index] = 0 }
        let isOver = limits.end > 0 && seconds >= limits.end
        let isDue = limits.warning > 0 && seconds >= said[index] + limits.warning
        guard isOver || isDue else { continue }
        if isDue { said[index] = seconds }
        guard let report = try report(on: index, seconds, &inquiry) else { continue }
        if isOver && report.mayEnd { MPI.abort(exitStatus: 1, because: report.line + "; the job ends") }
        // In a large job those speak who know something.
        if !isDue || isLarge && !report.namesCulprit { continue }
        Logger(label: "rondo.watch").warning("\(report.line)")
      }
    }
    if mayAsk, isInOrder.withLock({ $0 }) { try inquiry.finish(rows) }
  }

  private var isLarge: Bool { hosts.count > Self.manyRanks }

  /// All others; in a large job, where all would ask all at once, only two ranks do, and the others ask the one that they wait for.
  private func whomToAsk(_ peer: Int?) -> [Int] {
    guard mayAsk else { return [] }
    if isLarge && rank >= 2 { return peer.map { [$0] } ?? [] }
    return hosts.indices.filter { $0 != rank }
  }

  /// What there is to say about a thread that stands still; nil if it has moved meanwhile.
  private func report(
    on row: Int, _ seconds: Double, _ inquiry: inout Inquiry
  ) throws(MPIError) -> StallReport? {
    let before = rows[row].position
    guard let collective = before.collective else { return nil }
    let answers = try inquiry.ask(whomToAsk(before.peer), patience: patience, rows)
    let after = rows[row].position
    guard after.entered == before.entered, after.collective != nil, after.moves == before.moves else {
      return nil
    }
    let algorithms = rows[row].algorithms
    let algorithm =
      collective.kind == .bucket && algorithms.indices.contains(collective.bucket)
      ? algorithms[collective.bucket] : nil
    return StallReport(
      rank: rank, hosts: hosts, collective: collective.text(algorithm: algorithm),
      isOpenEnded: collective.isOpenEnded, entered: before.entered,
      seconds: seconds, peer: before.peer, row: row,
      answers: answers.positions, silent: answers.silent)
  }
}
