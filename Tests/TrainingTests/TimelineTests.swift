import Foundation
import MPI
import MPITestSupport
import Testing

@testable import Training

/// A file in the Trace Event Format, as far as a timeline uses it.
private struct Trace: Decodable {
  struct Event: Decodable {
    struct Arguments: Decodable {
      var step: Int?
      var bucket: Int?
      var bytes: Int?
      var algorithm: String?
      var name: String?
    }
    var ph: String
    var name: String
    var pid: Int
    var tid: Int?
    var ts: Double?
    var dur: Double?
    var args: Arguments
  }
  struct Metadata: Decodable {
    var steps: Int
    var keptSteps: Int
    var clockErrorMicroseconds: [Double]
  }
  var traceEvents: [Event]
  var otherData: Metadata

  init(path: String) throws {
    try self.init(Data(contentsOf: URL(fileURLWithPath: path)))
  }

  init(_ data: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    self = try decoder.decode(Trace.self, from: data)
  }

  /// Seconds of the events of these names on a thread.
  func seconds(_ names: [String], rank: Int, thread: Int) -> Double {
    1e-6 * events(rank, thread).filter { names.contains($0.name) }.reduce(0) { $0 + ($1.dur ?? 0) }
  }

  /// The part of a step's time that lies in the spans that make it up.
  func explainedShare(ofStep step: Int, rank: Int) -> Double {
    let all = events(rank, 0).filter { $0.args.step == step }
    guard let whole = all.first(where: { $0.name == "step" })?.dur else { return 0 }
    var end = -Double.infinity
    var explained = 0.0
    let parts = ["load", "forward", "backward", "update", "wait", "reduction", "rendezvous"]
    for event in all where parts.contains(event.name) {
      guard let begin = event.ts, let duration = event.dur, begin >= end - 0.0015 else { continue }
      // What begins before the end of the last one is a part of it: an update within backward.
      explained += duration
      end = begin + duration
    }
    return explained / whole
  }

  /// Time in which buckets travelled before the compute thread had computed the gradients of their step.
  func hiddenSeconds(rank: Int) -> Double {
    let backward = Dictionary(grouping: events(rank, 0).filter { $0.name == "backward" }, by: \.args.step)
    return events(rank, 1).filter { $0.name == "reduction" }.reduce(0) { sum, event in
      let computed = (backward[event.args.step] ?? []).map { ($0.ts ?? 0) + ($0.dur ?? 0) }.max() ?? 0
      let (begin, end) = (event.ts ?? 0, (event.ts ?? 0) + (event.dur ?? 0))
      return sum + max(0, min(end, computed) - begin) * 1e-6
    }
  }

  /// In the order of their begins, an event before those inside it.
  func events(_ rank: Int, _ thread: Int) -> [Event] {
    traceEvents.filter { $0.ph == "X" && $0.pid == rank && $0.tid == thread }
      .sorted { ($0.ts ?? 0, -($0.dur ?? 0)) < ($1.ts ?? 0, -($1.dur ?? 0)) }
  }
}

private func configuration(
  _ algorithm: Configuration.Communication.Algorithm, overlap: Bool, steps: Int = 12
) -> Configuration {
  Configuration(
    name: "test", model: .init(kind: .mlp, hidden: [50, 30]), data: .init(source: .digits),
    training: .init(batch: 240, microbatch: 20, steps: steps, reproducible: algorithm == .tree),
    communication: .init(algorithm: algorithm, bucketBytes: 4096, overlap: overlap))
}

extension RankTests {
  @Suite struct TimelineTests {
    /// Gives rank 0 the trace of a run, and its summary.
    private static func run(
      _ configuration: Configuration, _ world: borrowing Communicator, _ body: (Trace, Summary) throws -> Void
    ) throws {
      let path = try world.broadcast(
        FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
      defer { if world.rank == 0 { try? FileManager.default.removeItem(atPath: path) } }
      var run = TrainingRun(configuration, output: path)
      run.silent = true
      run.timeline = true
      let summary = try run.run(on: world)
      if world.rank == 0 { try body(Trace(path: path + "/timeline.json"), summary) }
    }

    @Test(arguments: Configuration.Communication.Algorithm.allCases, [true, false])
    func everySpanLiesWithinAnotherOrApart(
      algorithm: Configuration.Communication.Algorithm, overlap: Bool
    ) throws {
      try withWorld { world in
        try Self.run(configuration(algorithm, overlap: overlap), world) { trace, _ in
          let size = trace.otherData.clockErrorMicroseconds.count
          #expect(trace.otherData.steps == 12 && trace.otherData.keptSteps == 12)
          for rank in 0..<size {
            #expect(trace.events(rank, 0).filter { $0.name == "step" }.map(\.args.step) == Array(1...12))
            for thread in 0...1 {
              var open: [Double] = []
              for event in trace.events(rank, thread) {
                let (begin, end) = (event.ts ?? 0, (event.ts ?? 0) + (event.dur ?? 0))
                while let last = open.last, last <= begin + 0.0005 { open.removeLast() }
                if let last = open.last { #expect(end <= last + 0.0015, "\(event)") }
                open.append(end)
              }
            }
          }
        }
      }
    }

    @Test(arguments: Configuration.Communication.Algorithm.allCases, [true, false])
    func spansExplainTheStepAndAreTheFiguresOfTheSummary(
      algorithm: Configuration.Communication.Algorithm, overlap: Bool
    ) throws {
      try withWorld { world in
        let configuration = configuration(algorithm, overlap: overlap)
        let size = world.size
        try Self.run(configuration, world) { trace, summary in
          let shares = (2...12).map { trace.explainedShare(ofStep: $0, rank: 0) }
          #expect(shares.allSatisfy { $0 <= 1.0001 }, "\(shares)")
          // Of any step, since another process may take the core between two spans; a span that is missing is missing in all.
          #expect((shares.max() ?? 0) > 0.9, "\(shares)")
          let compute = { (names: String...) in trace.seconds(names, rank: 0, thread: 0) }
          let thread = trace.seconds(["reduction"], rank: 0, thread: 1)
          let exposed = compute("wait", "reduction", "rendezvous")
          let communication = exposed + (thread > 0 ? trace.hiddenSeconds(rank: 0) : 0)
          #expect(abs(summary.communication.exposedSeconds - exposed) < 1e-6)
          #expect(abs(summary.communication.seconds - communication) < 1e-6)
          #expect(size == 1 ? communication == 0 : communication > 0)
          // On one host these sum in shared memory, on the compute thread.
          let isShared = ["auto", "shared"].contains(algorithm.rawValue)
          #expect((thread > 0) == (size > 1 && overlap && !isShared))
          let reductions = trace.events(0, thread > 0 ? 1 : 0).filter { $0.name == "reduction" }
          let steps = Dictionary(grouping: reductions, by: \.args.step)
          #expect(steps.count == (size == 1 ? 0 : 12))
          for events in steps.values {
            #expect(Set(events.map(\.args.bucket)).count == events.count)
            #expect(events.allSatisfy { $0.args.bytes ?? 0 > 0 && $0.args.algorithm != nil })
          }
        }
      }
    }

    /// On one host the true offsets are known: there MPI's clocks are the machine's, each from an origin of its own.
    @Test func anOffsetIsAsGoodAsItsError() throws {
      try withWorld { world in
        let offset = try ClockOffset.measure(on: world)
        #expect(offset.error < 50_000_000)
        #expect((offset.error == 0) == (world.rank == 0))
        let (origin, doubt) = Self.origin()
        let expected = try world.broadcast(origin, root: 0) - origin
        let allowed = try offset.error + doubt + world.broadcast(doubt, root: 0)
        guard Set(try world.allgather(MPI.processorName)).count == 1 else { return }
        #expect(abs(offset.offset - expected) <= allowed, "\(offset), expected \(expected) +- \(allowed)")
      }
    }

    /// Where this process's clock begins on that of the machine, and how wrong that may be, in nanoseconds.
    private static func origin() -> (origin: Int64, doubt: Int64) {
      func machine() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
      }
      var best: (origin: Int64, doubt: Int64) = (0, .max)
      for _ in 0..<100 {
        let before = machine()
        let time = Clock.nanoseconds
        let after = machine()
        if after - before < best.doubt { best = ((before + after) / 2 - time, after - before) }
      }
      return (best.origin, best.doubt + 1000)
    }

    @Test func aFullRecorderLeavesWholeStepsOfAllRanks() throws {
      try withWorld { world in
        let rows = ThreadRow.Place.allCases.map { place in
          // The rank with the least room decides.
          ThreadRow(place, spans: SpanRecorder(capacity: place == .compute ? 20 + world.rank : 0))
        }
        for step in 0..<9 {
          // Of a run that was taken up after its seventh step.
          rows[0].spans.step = 7 + step
          rows[0].spans.begin(.step)
          for _ in 0..<3 {
            rows[0].spans.begin(.forward)
            rows[0].spans.end()
          }
          rows[0].spans.end()
        }
        let offset = ClockOffset(time: 0, offset: 0, error: 0)
        let timeline = try Timeline.gather(
          rows, clock: ClockAlignment(start: offset, end: offset), steps: 7..<16, buckets: [], algorithms: [],
          world: world)
        #expect((timeline == nil) == (world.rank > 0))
        guard let timeline else { return }
        #expect(timeline.keptSteps == 5 && timeline.steps == 9)
        for row in timeline.rows where row.place == .compute {
          #expect(row.spans.filter { $0.kind == .step }.map(\.step) == [7, 8, 9, 10, 11])
          #expect(row.spans.count == 20 && row.spans[0].kind == .step)
        }
        var text = ""
        timeline.write { text += $0 }
        let parsed = try Trace(Data(text.utf8))
        #expect(parsed.traceEvents.count { $0.ph == "X" } == 20 * world.size)
        #expect(parsed.otherData.keptSteps == 5)
      }
    }
  }
}
