/// Writes files of a checkpoint into its folder, two at a time, and computes their digests on the way.
struct CheckpointWriter {
  /// As many bytes of each file at a time as stay in a core's first cache from reading to hashing.
  private static let partBytes = 1 << 14

  let folder: String
  let system: FileSystem

  /// Brings files to disk; their names are in the folder then, but not yet on disk.
  ///
  /// - Returns: what a manifest says of them, in the order in which they came.
  func write(_ files: [UnwrittenFile]) throws(CheckpointError) -> [CheckpointFile] {
    // The longest go first, so that little is left without a second file beside it.
    var waiting = files.indices.sorted { files[$0].content.count < files[$1].content.count }
    var written: [Int: CheckpointFile] = [:]
    var lanes: [Lane] = []
    var idle = [PieceMemory(), PieceMemory()]
    do throws(CheckpointError) {
      while !waiting.isEmpty || !lanes.isEmpty {
        while let memory = idle.last, let next = waiting.popLast() {
          let output = try OutputFile(path: "\(folder)/\(files[next].name)", system)
          lanes.append(try Lane(next, files[next].content, to: output, memory))
          idle.removeLast()
        }
        if lanes.count == 2 {
          Lane.advance(lanes[0], lanes[1], by: Self.partBytes)
        } else {
          lanes[0].advance(by: Self.partBytes)
        }
        for lane in lanes {
          if lane.isRead {
            written[lane.file] = try lane.finish(name: files[lane.file].name)
            idle.append(lane.memory)
          } else {
            try lane.makeRoom()
          }
        }
        lanes.removeAll(where: \.isRead)
      }
    } catch {
      for lane in lanes { lane.giveUp() }
      throw error
    }
    return files.indices.compactMap { written[$0] }
  }
}

/// A file that is read to where the disk takes it from, hashed there before it has left the core's cache, and handed over piece by piece.
private final class Lane {
  /// Which of the files it is.
  let file: Int
  let memory: PieceMemory
  private var content: FileContent
  private var hash = SHA256()
  private let writer: PieceWriter
  /// What is not handed over yet: gathered to as much as may go past the page cache.
  private var piece: UnsafeMutableRawBufferPointer
  private var gathered = 0
  private var unread: Int

  init(
    _ file: Int, _ content: FileContent, to output: consuming OutputFile, _ memory: PieceMemory
  ) throws(CheckpointError) {
    self.file = file
    self.memory = memory
    self.content = content
    unread = content.count
    writer = PieceWriter(output, memory)
    piece = try writer.next()
  }

  /// Whether the rest of the content is in the piece at hand.
  var isRead: Bool { unread == 0 }

  /// Reads and hashes the next bytes, up to the end of the content.
  func advance(by count: Int) {
    let part = read(count)
    hash.update(part, ahead: ahead)
  }

  /// The same for two files.
  static func advance(_ first: Lane, _ second: Lane, by count: Int) {
    let (firstPart, secondPart) = (first.read(count), second.read(count))
    SHA256.update(
      &first.hash, firstPart, ahead: first.ahead, &second.hash, secondPart, ahead: second.ahead)
  }

  /// Where the next bytes lie, and where they will be read to: behind the last place of the memory comes its first.
  private var ahead: SHA256.Ahead {
    guard let first = memory.bytes.baseAddress, let place = piece.baseAddress else { return SHA256.Ahead() }
    return SHA256.Ahead(
      source: content.ahead, target: first + (place + gathered - first) % memory.bytes.count)
  }

  /// - Returns: what was read.
  private func read(_ count: Int) -> UnsafeRawBufferPointer {
    let start = gathered
    let count = content.read(into: UnsafeMutableRawBufferPointer(rebasing: piece[start..<start + count]))
    gathered += count
    unread -= count
    return UnsafeRawBufferPointer(rebasing: piece[start..<gathered])
  }

  /// Hands the piece over when it is full.
  func makeRoom() throws(CheckpointError) {
    guard gathered == piece.count else { return }
    writer.append(gathered)
    gathered = 0
    piece = try writer.next()
  }

  /// Brings the file to disk.
  func finish(name: String) throws(CheckpointError) -> CheckpointFile {
    writer.append(gathered)
    return CheckpointFile(name: name, bytes: try writer.finish(), sha256: hash.hexadecimal)
  }

  /// Returns when nothing of it is on its way any more.
  func giveUp() { writer.giveUp() }
}
