/// Where one thread of a rank stands, for its own watch and, as words, for those of other ranks.
struct RowPosition: Equatable, Sendable {
  /// Collectives entered, the one it is in included. All ranks enter the same ones in the same order: whoever has a lower number is behind.
  var entered = 0
  /// The one it is in.
  var collective: Collective?
  var activity = Activity()
  /// Changes whenever something moves within a collective.
  var moves = 0
  /// The rank of the world for whose message, or arrival, it waits, where that is known.
  var peer: Int?

  /// What the thread does, and for how long.
  struct Activity: Equatable, Sendable {
    /// Nil between spans.
    var kind: Span.Kind?
    var step = 0
    var number = 0
    var seconds = 0.0

    var text: String {
      let tenths = Int((seconds * 10).rounded())
      let time = seconds < 10 ? "\(tenths / 10).\(tenths % 10) s" : "\(Int(seconds)) s"
      let place: String =
        switch kind {
        case nil: "outside of its steps, after step \(step)"
        case .load, .forward, .backward: "in \(name) of microbatch \(number + 1), step \(step + 1)"
        case .files: "reading or writing files, after step \(step)"
        case .start: "at the start of the run, before \(collective)"
        case .evaluation: "in the evaluation after step \(step)"
        default: "in \(name) of step \(step + 1)"
        }
      return "\(place), for \(time)"
    }

    private var name: String { kind.map { "\($0)" } ?? "" }

    /// What a span of the start is for.
    private var collective: String { Collective.Kind(rawValue: number).map { "\(Collective($0))" } ?? "" }
  }
}

extension RowPosition {
  static let wordCount = 2 + Collective.wordCount + 5

  var words: [Int] {
    [entered, collective == nil ? 0 : 1] + (collective ?? Collective(.end)).words
      + [
        activity.kind.map { Int($0.rawValue) } ?? -1, activity.step, activity.number,
        Int(activity.seconds * 1e3), peer ?? -1,
      ]
  }

  init?(words: some RandomAccessCollection<Int>) {
    let words = Array(words)
    guard words.count == Self.wordCount else { return nil }
    entered = words[0]
    collective = words[1] == 0 ? nil : Collective(words: words[2..<2 + Collective.wordCount])
    let rest = words[(2 + Collective.wordCount)...]
    let at = rest.startIndex
    activity = Activity(
      kind: rest[at] < 0 ? nil : Span.Kind(rawValue: UInt8(truncatingIfNeeded: rest[at])), step: rest[at + 1],
      number: rest[at + 2], seconds: Double(rest[at + 3]) * 1e-3)
    peer = rest[at + 4] < 0 ? nil : rest[at + 4]
  }
}
