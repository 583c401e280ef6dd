import Glibc

/// A new file that is being written. It stays where it is when it is given up.
struct OutputFile: ~Copyable {
  let path: String
  /// What errors name: the file that the user knows.
  private let shownPath: String
  private let system: FileSystem
  private var descriptor: Int32
  private(set) var bytes = 0

  /// Whole multiples of so many bytes, in memory that begins at one, go to the disk past the page cache where the file system lets them:
  /// that costs the cores a tenth of the time, and drives nothing else out of the cache.
  static let alignment = 4096

  init(path: String, shownAs shownPath: String? = nil, _ system: FileSystem) throws(CheckpointError) {
    self.path = path
    self.shownPath = shownPath ?? path
    self.system = system
    do throws(FileSystem.Failure) { descriptor = try system.create(path) } catch {
      throw CheckpointError.system("the file cannot be written", code: error.code, path: shownPath ?? path)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  mutating func append(_ buffer: UnsafeRawBufferPointer) throws(CheckpointError) {
    let isAligned = (Int(bitPattern: buffer.baseAddress) | buffer.count | bytes) % Self.alignment == 0
    system.setDirect(isAligned && buffer.count > 0, descriptor)
    do throws(FileSystem.Failure) { try system.write(buffer, to: descriptor, path) } catch {
      throw CheckpointError.system("the file cannot be written", code: error.code, path: shownPath)
    }
    bytes += buffer.count
  }

  /// Brings the file to disk and closes it.
  mutating func finish() throws(CheckpointError) {
    do throws(FileSystem.Failure) { try system.synchronize(descriptor, path) } catch {
      throw CheckpointError.system("the file cannot be brought to disk", code: error.code, path: shownPath)
    }
    let closed = close(descriptor)
    descriptor = -1
    // An interrupted close has closed the file, and its content is on disk.
    guard closed == 0 || errno == EINTR else {
      throw CheckpointError.system("the file cannot be brought to disk", code: errno, path: shownPath)
    }
  }
}
