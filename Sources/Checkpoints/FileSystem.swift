import Glibc

/// The system calls that change files. Each is made again when a signal interrupts it.
///
/// All of a checkpoint's changes go through here, one call at a time, so that tests can have any of them fail, write less than it was
/// given, or be the last one of the process.
struct FileSystem: Sendable {
  enum Call: String, Sendable {
    case mkdir, create, write, fsync, rename, unlink, rmdir
  }

  enum Fault: Sendable {
    /// The call is not made and gives this error code.
    case code(Int32)
    /// The call writes half of what it was given.
    case half
  }

  /// A call's error code.
  struct Failure: Error {
    let code: Int32
  }

  /// Asked before each call, with its path, for what happens instead. Nil outside of tests.
  var fault: (@Sendable (Call, String) -> Fault?)?

  /// - Parameter body: the call; -1 stands for the code in `errno`.
  private func make(
    _ call: Call, _ path: String, _ body: (_ isHalf: Bool) -> Int
  ) throws(Failure) -> Int {
    while true {
      var (result, code) = (-1, Int32(0))
      switch fault?(call, path) {
      case .code(let given): code = given
      case .half: (result, code) = (body(true), errno)
      case nil: (result, code) = (body(false), errno)
      }
      if result >= 0 { return result }
      if code != EINTR { throw Failure(code: code) }
    }
  }

  private func make(
    _ call: Call, _ path: String, failing what: String, _ body: () -> Int32
  ) throws(CheckpointError) {
    do throws(Failure) { _ = try make(call, path) { _ in Int(body()) } } catch {
      throw CheckpointError.system(what, code: error.code, path: path)
    }
  }

  // MARK: Files

  /// A new file, open for writing.
  ///
  /// - Throws: also when there is one already.
  func create(_ path: String) throws(Failure) -> Int32 {
    Int32(
      try make(.create, path) { _ in Int(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)) })
  }

  /// Writes all of `buffer`, in as many calls as it takes.
  func write(_ buffer: UnsafeRawBufferPointer, to descriptor: Int32, _ path: String) throws(Failure) {
    var written = 0
    while written < buffer.count {
      let rest = UnsafeRawBufferPointer(rebasing: buffer[written...])
      do throws(Failure) {
        written += try make(.write, path) { isHalf in
          // One call writes at most 2^31 - 4096 bytes.
          Glibc.write(descriptor, rest.baseAddress, isHalf ? (rest.count + 1) / 2 : min(rest.count, 1 << 30))
        }
      } catch {
        // A disk may ask for more alignment than there is; the page cache asks for none.
        guard error.code == EINVAL, setDirect(false, descriptor) else { throw error }
      }
    }
  }

  /// O_DIRECT, which Swift does not import.
  #if arch(arm64)
    private static let direct: Int32 = 0o200000
  #else
    private static let direct: Int32 = 0o40000
  #endif

  /// Lets what is written to a file go past the page cache, or not. File systems that cannot do the former go on with the latter.
  ///
  /// - Returns: whether that changed anything.
  @discardableResult func setDirect(_ isDirect: Bool, _ descriptor: Int32) -> Bool {
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0, (flags & Self.direct != 0) != isDirect else { return false }
    return fcntl(descriptor, F_SETFL, isDirect ? flags | Self.direct : flags & ~Self.direct) == 0
  }

  /// Brings what was written to disk.
  func synchronize(_ descriptor: Int32, _ path: String) throws(Failure) {
    _ = try make(.fsync, path) { _ in Int(fsync(descriptor)) }
  }

  func rename(_ path: String, to target: String) throws(CheckpointError) {
    try make(.rename, path, failing: "renaming to \(target) fails") { Glibc.rename(path, target) }
  }

  func unlink(_ path: String) throws(CheckpointError) {
    try make(.unlink, path, failing: "the file cannot be removed") { Glibc.unlink(path) }
  }

  // MARK: Folders

  /// Makes a folder and those above it, and brings their names to disk. One that is there is fine.
  func makeFolders(_ path: String) throws(CheckpointError) {
    if Self.isFolder(path) { return }
    let parent = Self.parts(of: path).folder
    // What stands in the way of a parent is named there, not here.
    if parent != path { try makeFolders(parent) }
    do throws(Failure) { _ = try make(.mkdir, path) { _ in Int(mkdir(path, 0o777)) } } catch {
      // Another process may have been faster.
      if error.code == EEXIST, Self.isFolder(path) { return }
      throw CheckpointError.system("the folder cannot be made", code: error.code, path: path)
    }
    try synchronize(folder: parent)
  }

  /// A file's name is on disk when its folder is. File systems that have no such thing say so, and that is fine.
  func synchronize(folder: String) throws(CheckpointError) {
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckpointError.system("the folder cannot be opened", code: errno, path: folder)
    }
    defer { close(descriptor) }
    do throws(Failure) { try synchronize(descriptor, folder) } catch {
      if error.code == EINVAL || error.code == ENOTSUP { return }
      throw CheckpointError.system("the folder cannot be brought to disk", code: error.code, path: folder)
    }
  }

  /// Removes a folder with all that is in it, or a file; what is not there is fine.
  func removeTree(_ path: String) throws(CheckpointError) {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw CheckpointError.system("it cannot be removed", code: errno, path: path)
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { return try unlink(path) }
    for name in try Self.names(in: path) ?? [] { try removeTree("\(path)/\(name)") }
    try make(.rmdir, path, failing: "the folder cannot be removed") { rmdir(path) }
  }

  /// The names in a folder without `.` and `..`, in no order; nil when there is no such folder.
  static func names(in folder: String) throws(CheckpointError) -> [String]? {
    guard let stream = opendir(folder) else {
      if errno == ENOENT { return nil }
      throw CheckpointError.system("the folder cannot be read", code: errno, path: folder)
    }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      errno = 0
      guard let entry = readdir(stream) else {
        if errno == 0 { return names }
        throw CheckpointError.system("the folder cannot be read", code: errno, path: folder)
      }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != ".", name != ".." { names.append(name) }
    }
  }

  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  static func exists(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0
  }

  /// Bytes of a file.
  static func size(of path: String) throws(CheckpointError) -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw errno == ENOENT
        ? CheckpointError("the file is missing", path: path)
        : CheckpointError.system("the file cannot be read", code: errno, path: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError("expected a regular file", path: path)
    }
    return Int(status.st_size)
  }

  /// All of a file that is small.
  static func contents(of path: String) throws(CheckpointError) -> [UInt8] {
    let size = try size(of: path)
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckpointError.system("the file cannot be read", code: errno, path: path)
    }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: size)
    var count = 0
    while count < size {
      let more = bytes.withUnsafeMutableBytes {
        read(descriptor, $0.baseAddress.map { $0 + count }, size - count)
      }
      if more < 0, errno == EINTR { continue }
      if more < 0 { throw CheckpointError.system("the file cannot be read", code: errno, path: path) }
      if more == 0 { break }
      count += more
    }
    return Array(bytes[..<count])
  }

  static func parts(of path: String) -> (folder: String, name: String) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let folder = path[..<slash]
    return (folder.isEmpty ? "/" : String(folder), String(path[path.index(after: slash)...]))
  }
}
