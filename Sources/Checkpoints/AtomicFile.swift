import Glibc

/// A file that appears under its name when it is complete and on disk, or not at all.
///
/// It is written beside its place under a name of its own and renamed at the end. Given up before that, it is removed; a process that is
/// killed leaves `.NAME.*.partial` behind.
package struct AtomicFile: ~Copyable {
  package let path: String
  private let partialPath: String
  private var descriptor: Int32
  private var isCommitted = false
  private var bytes = 0

  package init(path: String) throws(CheckpointError) {
    let (folder, name) = Self.parts(of: path)
    // Unlike a process id alone, different on all hosts that share a file system.
    let number = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    partialPath = "\(folder)/.\(name).\(number).partial"
    self.path = path
    descriptor = open(partialPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor < 0 {
      throw CheckpointError.system("the file cannot be written", code: errno, path: path)
    }
  }

  deinit {
    if descriptor >= 0 { close(descriptor) }
    if !isCommitted { unlink(partialPath) }
  }

  package mutating func append(_ buffer: UnsafeRawBufferPointer) throws(CheckpointError) {
    var written = 0
    while written < buffer.count {
      let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
      // One call writes at most 2^31 - 4096 bytes.
      let count = write(descriptor, rest.baseAddress, min(rest.count, 1 << 30))
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw CheckpointError.system("the file cannot be written", code: errno, path: path) }
      written += count
    }
    bytes += written
  }

  /// Brings the file to disk, then to its name.
  ///
  /// - Returns: its bytes.
  package consuming func commit() throws(CheckpointError) -> Int {
    guard fsync(descriptor) == 0 else {
      throw CheckpointError.system("the file cannot be brought to disk", code: errno, path: path)
    }
    let closed = close(descriptor)
    descriptor = -1
    guard closed == 0 else {
      throw CheckpointError.system("the file cannot be brought to disk", code: errno, path: path)
    }
    guard rename(partialPath, path) == 0 else {
      throw CheckpointError.system("the file cannot be renamed to its place", code: errno, path: path)
    }
    isCommitted = true
    try Self.synchronize(folder: Self.parts(of: path).folder, path: path)
    return bytes
  }

  /// The name is on disk when its folder is. File systems that have no such thing say so, and that is fine.
  private static func synchronize(folder: String, path: String) throws(CheckpointError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckpointError.system("its folder cannot be opened", code: errno, path: path)
    }
    let code = fsync(descriptor) == 0 ? 0 : errno
    close(descriptor)
    guard code == 0 || code == EINVAL || code == ENOTSUP else {
      throw CheckpointError.system("its folder cannot be brought to disk", code: code, path: path)
    }
  }

  private static func parts(of path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = path[..<slash]
    return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
  }
}
