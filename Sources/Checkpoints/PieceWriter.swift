import Dispatch
import Synchronization

/// Writes a file piece by piece on a thread of its own: while some are on their way to the disk, the next is gathered and hashed.
///
/// One thread calls it. `@unchecked Sendable` is safe because blocks of the queue, one at a time, are all that touches the file until
/// `finish` has waited for the last of them, and because a piece of memory belongs to either side in turn.
final class PieceWriter: @unchecked Sendable {
  /// One is filled, the others are the disk's.
  private static let pieces = 2

  private var file: OutputFile
  private let failure = Mutex<CheckpointError?>(nil)
  private let queue = DispatchQueue(label: "rondo-checkpoint-file")
  private let free = DispatchSemaphore(value: 0)
  private let memory: PieceMemory
  private let pieceBytes: Int
  private var handedOver = 0

  init(_ file: consuming OutputFile, _ memory: PieceMemory) {
    self.file = file
    self.memory = memory
    pieceBytes = memory.bytes.count / Self.pieces
    for _ in 0..<Self.pieces { free.signal() }
  }

  /// Where the next piece is to be put, once there is room.
  ///
  /// - Throws: what kept an earlier one from the disk.
  func next() throws(CheckpointError) -> UnsafeMutableRawBufferPointer {
    free.wait()
    try check()
    return UnsafeMutableRawBufferPointer(rebasing: memory.bytes[start..<start + pieceBytes])
  }

  private var start: Int { handedOver % Self.pieces * pieceBytes }

  private func check() throws(CheckpointError) {
    if let failure = failure.withLock(\.self) { throw failure }
  }

  /// Appends the first bytes of what `next` gave to the file.
  func append(_ count: Int) {
    let bytes = start..<start + count
    handedOver += 1
    queue.async { [self] in
      do throws(CheckpointError) {
        try check()
        try file.append(UnsafeRawBufferPointer(rebasing: memory.bytes[bytes]))
      } catch {
        failure.withLock { $0 = error }
      }
      free.signal()
    }
  }

  /// Returns when nothing of the file is on its way any more, so that it can be removed.
  func giveUp() { queue.sync {} }

  /// Brings the file to disk and closes it.
  ///
  /// - Returns: its bytes.
  func finish() throws(CheckpointError) -> Int {
    queue.sync {}
    try check()
    try file.finish()
    return file.bytes
  }
}
