import Glibc

/// Memory that has a name and outlives the process: a file in /dev/shm, mapped by all processes of a machine that open it. What a process
/// wrote is there for others and after its end, however it ended; only the machine's end loses it.
///
/// Pages are reserved when the file is made or grows, so that memory that is not there is an error then, and no signal later. Each process
/// that maps it holds a lock on it for as long as it lives: a file that nobody has locked belongs to a job that is gone.
public final class SharedFile {
  public static let folder = "/dev/shm"

  /// Nil for memory of this process alone.
  public let path: String?
  public private(set) var bytes: UnsafeMutableRawBufferPointer
  private let descriptor: Int32

  /// Makes a file and maps it, zero throughout.
  ///
  /// - Throws: if there is one of that name, or no room.
  public init(making name: String, byteCount: Int) throws(CheckpointError) {
    let path = Self.folder + "/" + name
    descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw Self.unavailable("shared memory cannot be made", code: errno, path: path)
    }
    self.path = path
    do throws(CheckpointError) {
      bytes = try Self.map(descriptor, byteCount: byteCount, grows: true, path: path)
    } catch {
      close(descriptor)
      unlink(path)
      throw error
    }
    flock(descriptor, LOCK_SH)
  }

  /// Maps a file that another process made, or an earlier one.
  public init(name: String) throws(CheckpointError) {
    let path = Self.folder + "/" + name
    descriptor = open(path, O_RDWR | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw CheckpointError.system("shared memory cannot be opened", code: errno, path: path)
    }
    self.path = path
    do throws(CheckpointError) {
      var status = stat()
      guard fstat(descriptor, &status) == 0 else {
        throw CheckpointError.system("shared memory cannot be opened", code: errno, path: path)
      }
      bytes = try Self.map(descriptor, byteCount: Int(status.st_size), grows: false, path: path)
    } catch {
      close(descriptor)
      throw error
    }
    flock(descriptor, LOCK_SH)
  }

  /// Memory of this process alone, which ends with it: in large pages where the system has some.
  public init(privateBytes byteCount: Int) {
    let hugePage = 1 << 21
    let length = (max(1, byteCount) + hugePage - 1) & ~(hugePage - 1)
    guard let start = mmap(nil, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      start != MAP_FAILED
    else { preconditionFailure("SharedFile: \(length) bytes could not be mapped (error \(errno))") }
    madvise(start, length, MADV_HUGEPAGE)
    bytes = UnsafeMutableRawBufferPointer(start: start, count: length)
    path = nil
    descriptor = -1
  }

  deinit {
    munmap(bytes.baseAddress, bytes.count)
    if descriptor >= 0 { close(descriptor) }
  }

  /// Makes the file longer or shorter. What lies below both lengths stays; `bytes` may move.
  public func resize(to byteCount: Int) throws(CheckpointError) {
    guard let path else { preconditionFailure("SharedFile.resize: expected a file, found private memory") }
    munmap(bytes.baseAddress, bytes.count)
    bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    if byteCount < Self.length(descriptor), ftruncate(descriptor, off_t(byteCount)) != 0 {
      throw CheckpointError.system("shared memory cannot be resized", code: errno, path: path)
    }
    bytes = try Self.map(descriptor, byteCount: byteCount, grows: true, path: path)
  }

  /// Takes the name away: the memory ends with the last process that maps it.
  public func unlinkName() {
    if let path { unlink(path) }
  }

  /// Whether others can still find it.
  public var isNamed: Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_nlink > 0
  }

  /// Whether no other process has it mapped.
  public var isAlone: Bool {
    guard descriptor >= 0 else { return true }
    let isAlone = flock(descriptor, LOCK_EX | LOCK_NB) == 0
    // An attempt gives up the lock that was held, whatever its outcome.
    flock(descriptor, LOCK_SH)
    return isAlone
  }

  /// Takes the file if no other process has it mapped; until `share`, others who ask whether they are alone are told that they are not.
  public func claim() -> Bool {
    guard descriptor >= 0 else { return true }
    if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return true }
    flock(descriptor, LOCK_SH)
    return false
  }

  /// Gives up the lock: others may claim the file although this process has it mapped.
  public func release() {
    if descriptor >= 0 { flock(descriptor, LOCK_UN) }
  }

  /// Lets others map it with this process.
  public func share() {
    if descriptor >= 0 { flock(descriptor, LOCK_SH) }
  }

  /// Names of the files with a prefix, those of this user.
  public static func names(prefix: String) -> [String] {
    let names = (try? FileSystem.names(in: folder)) ?? []
    return names.filter { name in
      var status = stat()
      return name.hasPrefix(prefix) && stat("\(folder)/\(name)", &status) == 0 && status.st_uid == getuid()
    }.sorted()
  }

  /// Seconds since the file was last changed by a call; nil if it is gone.
  public static func age(ofName name: String) -> Int? {
    var status = stat()
    guard stat(folder + "/" + name, &status) == 0 else { return nil }
    return time(nil) - status.st_mtim.tv_sec
  }

  /// The length of a file; 0 if it is gone.
  public static func byteCount(ofName name: String) -> Int {
    var status = stat()
    return stat(folder + "/" + name, &status) == 0 ? Int(status.st_size) : 0
  }

  public static func remove(name: String) { unlink(folder + "/" + name) }

  private static func length(_ descriptor: Int32) -> Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
  }

  private static func unavailable(_ what: String, code: Int32, path: String) -> CheckpointError {
    CheckpointError(
      "\(what): \(String(cString: strerror(code))); give \(folder) more room, or set checkpoint.survive to false",
      path: path)
  }

  private static func map(
    _ descriptor: Int32, byteCount: Int, grows: Bool, path: String
  ) throws(CheckpointError) -> UnsafeMutableRawBufferPointer {
    guard byteCount > 0 else { throw CheckpointError("shared memory is empty; remove it", path: path) }
    if grows, byteCount > length(descriptor) {
      let code = posix_fallocate(descriptor, 0, off_t(byteCount))
      guard code == 0 else {
        throw unavailable("no room for \(byteCount) bytes of shared memory", code: code, path: path)
      }
    }
    guard
      let start = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      start != MAP_FAILED
    else { throw CheckpointError.system("shared memory cannot be mapped", code: errno, path: path) }
    // Where the system gives shared memory large pages on request.
    madvise(start, byteCount, MADV_HUGEPAGE)
    return UnsafeMutableRawBufferPointer(start: start, count: byteCount)
  }
}
