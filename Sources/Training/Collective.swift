/// A collective of a run, as ranks name it to each other and to people.
struct Collective: Equatable, Sendable {
  enum Kind: Int, Sendable {
    case bucket, weights, loss, evaluation, memory
    /// Agreements at the start of a run, and the making of what ranks share.
    case data, network, directory, preparation
    /// All by which ranks come to the state that training begins with.
    case state
    /// At the end.
    case clocks, timeline, end
    /// What all ranks have to know of a step before they update.
    case verdict
    case checkpoint
  }

  var kind: Kind
  /// Whether ranks may come to it long before others, which have data, or files of the run, to read or write: as much as there is, wherever it is.
  var isOpenEnded: Bool { [.data, .state, .checkpoint, .end].contains(kind) }
  /// Steps done before it.
  var step = 0
  /// Of a bucket, in the order of reduction.
  var bucket = 0
  /// Elements on which it works.
  var count = 0

  static let wordCount = 4
  var words: [Int] { [kind.rawValue, step, bucket, count] }

  init(_ kind: Kind, step: Int = 0, bucket: Int = 0, count: Int = 0) {
    (self.kind, self.step, self.bucket, self.count) = (kind, step, bucket, count)
  }

  /// The collective that `words` made these of; nil for words that none did.
  init?(words: some RandomAccessCollection<Int>) {
    let words = Array(words)
    guard words.count == Self.wordCount, let kind = Kind(rawValue: words[0]) else { return nil }
    self.init(kind, step: words[1], bucket: words[2], count: words[3])
  }
}

extension Collective: CustomStringConvertible {
  var description: String { text() }

  /// Steps and buckets count from 1, as in the lines of a run.
  ///
  /// - Parameter algorithm: its name, for a bucket.
  func text(algorithm: String? = nil) -> String {
    switch kind {
    case .bucket:
      "the sum of bucket \(bucket + 1) of step \(step + 1) (\(algorithm.map { "\($0), " } ?? "")\(count) elements)"
    case .weights: "the update of the weights in step \(step + 1)"
    case .loss: "the mean loss of step \(step)"
    case .evaluation: "the sums of the evaluation after step \(step)"
    case .memory: "the summary of the run"
    case .data: "the agreement on the data"
    case .network: "the agreement on the network"
    case .directory: "the agreement on the run directory"
    case .preparation: "the making of what ranks share"
    case .state: "the taking up of the run's state"
    case .clocks: "the comparison of clocks"
    case .timeline: "the gathering of the timeline"
    case .end: "the end of the run"
    case .checkpoint: "the checkpoint of step \(step)"
    case .verdict: "the exchange after backward of step \(step + 1)"
    }
  }
}
