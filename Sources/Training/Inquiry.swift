import Foundation
import MPI

/// Questions between the watches of all ranks: where are you?
///
/// A rank has at most one open question to another, so messages cannot pile up at a rank that is stopped; when it goes on, it answers.
struct Inquiry: ~Copyable {
  private let communicator: Communicator
  private var requests: RequestSet
  /// For each rank the words of the question and of the answer on their way to it, and the slots of these sends.
  private let questions: UnsafeMutableBufferPointer<Int>
  private let replies: UnsafeMutableBufferPointer<Int>
  private var replySlots: [Int?]
  /// Whether a question to that rank is open.
  private var isOpen: [Bool]
  private var answers: [Int: [RowPosition]] = [:]

  private static let question = 1
  private static let answer = 2
  private static let wordCount = ThreadRow.Place.allCases.count * RowPosition.wordCount

  /// - Parameter communicator: of the watches alone.
  init(owning communicator: consuming Communicator) {
    let size = communicator.size
    requests = RequestSet(capacity: 2 * size)
    questions = .allocate(capacity: size)
    questions.initialize(repeating: 0)
    replies = .allocate(capacity: size * Self.wordCount)
    replies.initialize(repeating: 0)
    replySlots = Array(repeating: nil, count: size)
    isOpen = Array(repeating: false, count: size)
    self.communicator = communicator
  }

  deinit {
    // On the way of an error, MPI may still read them.
    guard requests.activeCount == 0 else { return }
    questions.deallocate()
    replies.deallocate()
  }

  /// Asks ranks where their threads stand, and answers those that ask meanwhile.
  ///
  /// - Parameter patience: seconds to wait for answers.
  /// - Returns: for each rank that answered the positions of its rows, and the ranks that did not.
  mutating func ask(
    _ ranks: [Int], patience: Double, _ rows: [ThreadRow]
  ) throws(MPIError) -> (positions: [Int: [RowPosition]], silent: [Int]) {
    answers = [:]
    for rank in ranks where !isOpen[rank] {
      isOpen[rank] = true
      let words = UnsafeMutableBufferPointer(rebasing: questions[rank...rank])
      _ = try requests.startSend(
        UnsafeRawBufferPointer(words), to: rank, tag: Self.question, on: communicator)
    }
    let deadline = MPI.wallTime() + patience
    while ranks.contains(where: { isOpen[$0] }), MPI.wallTime() < deadline {
      try answer(rows)
      Thread.sleep(forTimeInterval: 0.002)
    }
    return (answers, ranks.filter { isOpen[$0] })
  }

  /// Answers what has been asked and takes the answers that have come.
  mutating func answer(_ rows: [ThreadRow]) throws(MPIError) {
    while try communicator.probeNow(from: MPI.anySource, tag: Self.question).map({ $0.source }) != nil {
      var word = [0]
      var span = word.mutableSpan
      let asker = try communicator.receive(into: &span, from: MPI.anySource, tag: Self.question).source
      try reply(to: asker, rows)
    }
    while let source = try communicator.probeNow(from: MPI.anySource, tag: Self.answer).map({ $0.source }) {
      var words = [Int](repeating: 0, count: Self.wordCount)
      var span = words.mutableSpan
      try communicator.receive(into: &span, from: source, tag: Self.answer)
      isOpen[source] = false
      let width = RowPosition.wordCount
      answers[source] = ThreadRow.Place.allCases.map {
        RowPosition(words: words[$0.rawValue * width..<($0.rawValue + 1) * width]) ?? RowPosition()
      }
    }
    while let slot = try requests.testAny() { forget(slot) }
  }

  /// Returns when all ranks are here and all questions have been answered: the ranks that wait for answers of this one get them.
  ///
  /// The consensus of Hoefler, Siebert and Lumsdaine (PPoPP 2010): a rank whose own questions are answered enters a barrier, and goes
  /// on answering until all have.
  ///
  /// Collective.
  mutating func finish(_ rows: [ThreadRow]) throws(MPIError) {
    while isOpen.contains(true) {
      try answer(rows)
      Thread.sleep(forTimeInterval: 0.001)
    }
    var barrier = try communicator.startBarrier()
    while try !barrier.test() {
      try answer(rows)
      Thread.sleep(forTimeInterval: 0.001)
    }
    try barrier.wait()
    try requests.waitAll()
  }

  private mutating func reply(to asker: Int, _ rows: [ThreadRow]) throws(MPIError) {
    // It has the answer before, so that send is as good as complete.
    if let slot = replySlots[asker] {
      try requests.wait(slot)
      replySlots[asker] = nil
    }
    let words = UnsafeMutableBufferPointer(
      rebasing: replies[asker * Self.wordCount..<(asker + 1) * Self.wordCount])
    for (index, word) in rows.flatMap({ $0.position.words }).enumerated() { words[index] = word }
    replySlots[asker] = try requests.startSend(
      UnsafeRawBufferPointer(words), to: asker, tag: Self.answer, on: communicator)
  }

  private mutating func forget(_ slot: Int) {
    if let rank = replySlots.firstIndex(of: slot) { replySlots[rank] = nil }
  }
}
