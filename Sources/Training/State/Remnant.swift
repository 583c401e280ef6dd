/// What an earlier life of a run has left in named memory: a whole replica of its state, or a shard.
struct Remnant {
  var state: TrainingState
  let facts: Facts

  /// What all ranks have to know of it.
  struct Facts: Equatable {
    /// As of `StateHeader`; 0 for a whole replica.
    var set = 0
    var nextSet = 0
    /// The rank whose memory it was.
    var rank = 0
    /// The versions of its pieces: `least` is `Int.max` where it has none.
    var least: Int
    var most: Int
    /// The version that it had begun to update to; -1 where no update can have been under way.
    var updating: Int
    /// The parts of the arena whose parameters and states it has, and those of which it has a copy.
    var ranges: [Range<Int>]
    var copies: [Range<Int>] = []
  }

  /// - Parameter finisher: brings a whole replica's update to its end, and puts back what a shard's has half done.
  /// - Returns: nil for memory that is at no step.
  init?(_ state: TrainingState, _ finisher: UpdateFinisher) {
    self.state = state
    let header = state.header
    guard let share = state.layout.core.share else {
      let step = header.tail == nil ? state.step : finisher.finish(state)
      guard let step, state.progress(ofStep: step) != nil else { return nil }
      facts = Facts(
        rank: header.place.rank, least: step, most: step, updating: -1,
        ranges: [0..<state.layout.core.arenaCount])
      return
    }
    guard let versions = finisher.update(state).restore(share) else { return nil }
    facts = Facts(
      set: header.set, nextSet: header.nextSet, rank: header.place.rank, least: versions.least,
      most: versions.most,
      updating: header.tail == nil ? -1 : state.slot(0).updating.pointee.load(ordering: .acquiring),
      ranges: share.ranges(areCopies: false), copies: share.ranges(areCopies: true))
  }
}

extension Remnant.Facts {
  /// As a line of numbers.
  var text: String {
    let bounds = (ranges + copies).flatMap { [$0.lowerBound, $0.upperBound] }
    let words = [set, nextSet, rank, least, most, updating, ranges.count] + bounds
    return words.map(String.init).joined(separator: " ")
  }

  /// Nil for a line that is none.
  init?(text: some StringProtocol) {
    let words = text.split(separator: " ").compactMap { Int($0) }
    guard words.count >= 7, words.count % 2 == 1 else { return nil }
    let all = stride(from: 7, to: words.count, by: 2).map { words[$0]..<words[$0 + 1] }
    self.init(
      set: words[0], nextSet: words[1], rank: words[2], least: words[3], most: words[4], updating: words[5],
      ranges: Array(all.prefix(words[6])), copies: Array(all.dropFirst(words[6])))
  }
}
