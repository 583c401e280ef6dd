import Dispatch
import Synchronization

/// Writes a file piece by piece on a thread of its own: while some are on their way to the disk, the next is gathered and hashed.
///
/// One thread calls it. `@unchecked Sendable` is safe because blocks of the queue, one at a time, are all that touches the file until
/// `finish` has waited for the last of them, and because a piece of memory belongs to either side in turn.
final class PieceWriter: @unchecked Sendable {
  /// One is filled, the others are the disk's.
  private static let pieces = 4

  private var file: OutputFile
  private let failure = Mutex<CheckpointError?>(nil)
  private let queue = DispatchQueue(label: "rondo-checkpoint-file")
  private let free = DispatchSemaphore(value: 0)
  private let memory: UnsafeMutableRawBufferPointer
  private let pieceBytes: Int
  private var handedOver = 0

  init(_ file: consuming OutputFile, pieceBytes: Int) {
    self.file = file
    self.pieceBytes = pieceBytes
    memory = .allocate(byteCount: Self.pieces * pieceBytes, alignment: OutputFile.alignment)
    for _ in 0..<Self.pieces { free.signal() }
  }

  deinit { memory.deallocate() }

  /// Where the next piece is to be put, once there is room.
  ///
  /// - Throws: what kept an earlier one from the disk.
  func next() throws(CheckpointError) -> UnsafeMutableRawBufferPointer {
    free.wait()
    try check()
    return UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + pieceBytes])
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
        try file.append(UnsafeRawBufferPointer(rebasing: memory[bytes]))
      } catch {
        failure.withLock { $0 = error }
      }
      free.signal()
    }
  }

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
