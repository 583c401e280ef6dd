import COpenMPI

// A collective with other arguments on some rank has no defined end: Open MPI 4.1 reports some, waits for ever in others, and in some writes
// beyond a buffer's end (an allreduce of 100,000 elements on one rank and of 50,000 on another). Nothing that one rank knows can tell.

extension Communicator {
  /// Where `comparesCollectives` is set: returns when all ranks are about to make the same blocking call, before it is made.
  ///
  /// - Parameters:
  ///   - count: elements, where they have to be the same on all ranks.
  ///   - root: of calls that have one.
  /// - Throws: where ranks differ, and then on all of them.
  func compare(
    _ call: StaticString, _ mode: CallMode = .blocking, count: Int? = nil, of type: Datatype? = nil,
    root: Int? = nil
  ) throws(MPIError) {
    // Between a started call and its wait a rank may do what lets another start it.
    guard comparesCollectives, mode == .blocking else { return }
    let mine = AnnouncedCall(call, count: count, elementBytes: type?.size, root: root)
    var words = [Int](repeating: 0, count: AnnouncedCall.wordCount * size)
    let count = Int32(AnnouncedCall.wordCount)
    let code = mine.words.withUnsafeBufferPointer { from in
      words.withUnsafeMutableBufferPointer { to in
        MPI_Allgather(
          from.baseAddress, count, Int.datatype.handle, to.baseAddress, count, Int.datatype.handle, handle)
      }
    }
    try check(code, "MPI_Allgather")
    let calls = (0..<size).map {
      AnnouncedCall(words: Array(words[$0 * AnnouncedCall.wordCount..<($0 + 1) * AnnouncedCall.wordCount]))
    }
    guard let other = calls.firstIndex(where: { $0.words != calls[0].words }) else { return }
    throw MPIError(
      usage: "ranks differ: rank 0 of \(size) calls \(calls[0]), rank \(other) calls \(calls[other])",
      in: call, class: .argument)
  }
}

/// A collective call as all ranks see it: its name, and what has to be the same on all of them.
private struct AnnouncedCall: CustomStringConvertible {
  static let nameWords = 4
  static let wordCount = nameWords + 3

  let words: [Int]

  init(words: [Int]) { self.words = words }

  /// - Parameter call: at most 32 bytes.
  init(_ call: StaticString, count: Int?, elementBytes: Int?, root: Int?) {
    let name = call.withUTF8Buffer { bytes in
      (0..<Self.nameWords).map { word in
        (0..<8).reduce(0) { $0 << 8 | (8 * word + $1 < bytes.count ? Int(bytes[8 * word + $1]) : 0) }
      }
    }
    words = name + [count ?? -1, elementBytes ?? -1, root ?? -1]
  }

  /// `broadcast of 10 elements of 4 bytes with root 0`
  var description: String {
    let bytes = words[..<Self.nameWords].flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
    }
    var text = String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    let arguments = Array(words[Self.nameWords...])
    let (count, elementBytes, root) = (arguments[0], arguments[1], arguments[2])
    if count >= 0 { text += " of \(count) elements" }
    if elementBytes >= 0 { text += " of \(elementBytes) bytes" }
    if root >= 0 { text += " with root \(root)" }
    return text
  }
}
