import Glibc

/// The bytes of a file, one after another; those of a gzip file unpacked, whatever its name.
struct FileBytes: ~Copyable {
  let path: String
  /// Bytes of the file as it lies there; nil where that is not known (a pipe).
  private let fileBytes: Int?

  private let descriptor: Int32
  private let gzip: GzipStream?

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  static func open(path: String) throws(DatasetError) -> FileBytes {
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    if descriptor < 0 { throw systemError("cannot be opened", path: path) }
    var status = stat()
    let isRegular = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    let fileBytes = isRegular ? Int(status.st_size) : nil
    var magic: [UInt8] = [0, 0]
    guard isRegular, pread(descriptor, &magic, 2, 0) == 2, magic == [0x1F, 0x8B] else {
      return FileBytes(path: path, fileBytes: fileBytes, descriptor: descriptor, gzip: nil)
    }
    let gzip: GzipStream
    do { gzip = try GzipStream(descriptor, path: path) } catch {
      close(descriptor)
      throw error
    }
    return FileBytes(path: path, fileBytes: fileBytes, descriptor: descriptor, gzip: gzip)
  }

  /// What comes in on the process's standard input, from where it stands.
  static func standardInput() throws(DatasetError) -> FileBytes {
    let descriptor = dup(STDIN_FILENO)
    if descriptor < 0 { throw systemError("cannot be read", path: standardInputName) }
    return FileBytes(path: standardInputName, fileBytes: nil, descriptor: descriptor, gzip: nil)
  }

  private static let standardInputName = "standard input"

  /// What the file holds; nil where that is not known (a pipe, a packed file).
  var count: Int? { gzip == nil ? fileBytes : nil }

  /// More than this the file cannot hold, packed or not: deflate packs at most 1,032 bytes into one.
  private var mostBytes: Int? { gzip == nil ? fileBytes : fileBytes.map { $0 * 1032 } }

  deinit { close(descriptor) }

  /// Fills `buffer`.
  ///
  /// - Returns: how many bytes were read; fewer than there is room for only where the file ends.
  borrowing func read(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    var filled = 0
    while filled < buffer.count {
      let count = try readSome(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
      if count == 0 { break }
      filled += count
    }
    return filled
  }

  /// Reads what is there, and waits only while nothing is.
  ///
  /// - Returns: how many bytes were read; 0 at the end of the file.
  borrowing func readSome(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    if let gzip { try gzip.read(into: buffer) } else { try readPlain(buffer) }
  }

  /// Up to `count` bytes. Memory is taken only for what the file can hold, whatever its header says.
  borrowing func read(_ count: Int) throws(DatasetError) -> [UInt8] {
    guard let mostBytes else { return try readBlocks(atMost: count) }
    var failure: DatasetError?
    let bytes = [UInt8](unsafeUninitializedCapacity: min(count, mostBytes)) { buffer, initialized in
      do throws(DatasetError) {
        initialized = try read(into: UnsafeMutableRawBufferPointer(buffer))
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// All bytes that are left.
  borrowing func readToEnd() throws(DatasetError) -> [UInt8] { try readBlocks(atMost: .max) }

  private borrowing func readBlocks(atMost count: Int) throws(DatasetError) -> [UInt8] {
    let block = 1 << 20
    var bytes: [UInt8] = []
    if let known = self.count { bytes.reserveCapacity(min(count, known)) }
    var buffer = [UInt8](repeating: 0, count: min(block, count))
    while bytes.count < count {
      let room = min(block, count - bytes.count)
      let read = try buffer.withUnsafeMutableBufferPointer { buffer throws(DatasetError) in
        let target = UnsafeMutableBufferPointer(rebasing: buffer[..<room])
        return try self.read(into: UnsafeMutableRawBufferPointer(target))
      }
      bytes += buffer[..<read]
      if read < block { break }
    }
    return bytes
  }

  private borrowing func readPlain(_ buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    while true {
      let count = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
      if count >= 0 { return count }
      if errno != EINTR { throw Self.systemError("cannot be read", path: path) }
    }
  }

  private static func systemError(_ what: String, path: String) -> DatasetError {
    DatasetError("the file \(what): \(String(cString: strerror(errno)))", path: path)
  }
}
