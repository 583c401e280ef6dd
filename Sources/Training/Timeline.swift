import MPI

/// The spans of all ranks on one clock, on rank 0.
struct Timeline {
  /// A thread of a rank, with its spans in the order of their begins, a span before those inside it.
  struct Row {
    var rank: Int
    var place: ThreadRow.Place
    var spans: [Span]
  }

  var rows: [Row]
  /// Of all ranks.
  var hosts: [String]
  /// Steps whose spans are all there, and steps of this life of the run.
  var keptSteps: Int
  var steps: Int
  /// For each rank, how wrong its clock may be set against that of rank 0, in nanoseconds.
  var clockErrors: [Int64]
  /// Of each bucket, in the order of their reduction.
  var bucketBytes: [Int]
  var algorithms: [String]

  /// Spans that a rank keeps: those of a file that viewers still open, over all ranks, and of some steps at least.
  static func capacity(ranks: Int) -> Int { max(3 << 9, (3 << 19) / ranks) }

  /// Brings the spans of all ranks to rank 0; nil elsewhere.
  ///
  /// Collective; call it when the rows' threads have ended.
  static func gather(
    _ rows: [ThreadRow], clock: ClockAlignment, steps: Range<Int>, buckets: [Range<Int>],
    algorithms: [String],
    world: borrowing Communicator
  ) throws(MPIError) -> Timeline? {
    let hosts = try world.allgather(MPI.processorName)
    let dropped = rows.compactMap(\.spans.firstDroppedStep).min() ?? .max
    let firstDropped = try world.allreduce(dropped, .minimum)
    let isWhole = firstDropped == .max
    let errors = try world.gather(clock.error, root: 0)
    var gathered: [Row] = []
    for row in rows {
      let words = row.spans.spans.lazy.filter { isWhole || Int($0.step) < firstDropped }.flatMap {
        let aligned = Span(
          kind: $0.kind, step: $0.step, number: $0.number, begin: clock.aligned($0.begin),
          end: clock.aligned($0.end)
        ).words
        return [aligned.0, aligned.1, aligned.2]
      }
      let mine = Array(words)
      let counts = try world.gather(mine.count, root: 0)
      var all = [Int64](repeating: 0, count: counts?.reduce(0, +) ?? 0)
      var span = all.mutableSpan
      try world.gather(mine.span, into: &span, counts: counts ?? [], root: 0)
      var place = 0
      for (rank, count) in (counts ?? []).enumerated() {
        gathered.append(Row(rank: rank, place: row.place, spans: spans(all[place..<place + count])))
        place += count
      }
    }
    guard let errors else { return nil }
    return Timeline(
      rows: gathered, hosts: hosts, keptSteps: min(steps.upperBound, firstDropped) - steps.lowerBound,
      steps: steps.count, clockErrors: errors,
      bucketBytes: buckets.map { $0.count * MemoryLayout<Float>.stride }, algorithms: algorithms)
  }

  private static func spans(_ words: ArraySlice<Int64>) -> [Span] {
    stride(from: words.startIndex, to: words.endIndex, by: Span.wordCount)
      .compactMap { Span(words[$0], words[$0 + 1], words[$0 + 2]) }
      .sorted { ($0.begin, $1.end) < ($1.begin, $0.end) }
  }
}
