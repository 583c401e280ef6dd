import MPI

/// A stretch of time in which a thread did one thing: what totals are sums of, and a box of a timeline.
struct Span: Equatable, BitwiseCopyable, Sendable {
  enum Kind: UInt8, CaseIterable, Sendable {
    /// One optimizer update; holds all that follow but evaluation and collective.
    case step
    /// A microbatch's samples on their way into the network's inputs; at the start of an epoch, its order of samples.
    case load
    case forward, backward
    /// A range of the parameters: what is this rank's of a bucket, if others still travel, or all that is left.
    case update
    /// The compute thread has nothing to do before a bucket is reduced by the communication thread.
    case wait
    /// A bucket is summed over the ranks, waiting for their messages included.
    case reduction
    /// A bucket's parameters come from the ranks that have updated them.
    case gather
    /// Waiting for the other ranks of a step: in shared memory, or for what a few words tell.
    case rendezvous
    /// All ranks compare which collective they are at.
    case check
    case evaluation
    /// Any other collective: a mean loss, an agreement.
    case collective
    /// Work of a rank alone before the first step; the number is the kind of the collective that comes after it.
    case start
    /// A rank reads its data, or reads or writes files of the run, and others may wait for it.
    case files
  }

  var kind: Kind
  /// Steps done before it began.
  var step: Int32
  /// The microbatch of the step or the bucket, whichever the kind is about, or the kind of the collective.
  var number: Int32
  /// Nanoseconds on this process's clock.
  var begin: Int64
  var end: Int64

  var nanoseconds: Int64 { end - begin }
}

extension Span {
  /// How many words carry a span from rank to rank.
  static let wordCount = 3

  /// The span as words. `number` has to be below 2^24.
  var words: (Int64, Int64, Int64) {
    let place = Int64(number & 0xff_ffff) << 32 | Int64(UInt32(bitPattern: step))
    return (begin, end, Int64(kind.rawValue) << 56 | place)
  }

  /// The span that `words` made these of; nil for words that none did.
  init?(_ begin: Int64, _ end: Int64, _ packed: Int64) {
    guard let kind = Kind(rawValue: UInt8(truncatingIfNeeded: packed >> 56)) else { return nil }
    self.init(
      kind: kind, step: Int32(truncatingIfNeeded: packed), number: Int32(packed >> 32 & 0xff_ffff),
      begin: begin, end: end)
  }
}

/// The clock of spans: MPI's, in nanoseconds. It starts somewhere else in each process: `ClockAlignment`.
enum Clock {
  static var nanoseconds: Int64 { Int64(MPI.wallTime() * 1e9) }
}
