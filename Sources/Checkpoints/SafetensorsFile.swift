import Glibc

/// A file of named tensors in the safetensors format, open for reading.
///
/// The file begins with the length of its header (8 bytes, little-endian), then comes the header (JSON: element type, shape and place of
/// each tensor, and metadata), then the data, little-endian and row-major, without gaps. All of the header is checked when the file is
/// opened; values are read from the file when they are asked for.
///
/// Source: Hugging Face, "safetensors", section "Format", and its reference implementation.
public final class SafetensorsFile: Sendable {
  public struct Tensor: Sendable, Equatable {
    public let name: String
    public let type: SafetensorsType
    /// Outermost extent first; none for a single number, and an extent of 0 for no elements.
    public let shape: [Int]
    /// Counted from the start of the data.
    let bytes: Range<Int>

    /// Elements.
    public var count: Int { shape.reduce(1, *) }
  }

  public let path: String
  /// In the order of their data.
  public let tensors: [Tensor]
  public let metadata: [String: String]

  private let descriptor: Int32
  /// The position of the data in the file.
  private let dataStart: Int

  /// Opens a file and checks its header against its size.
  public init(path: String) throws(CheckpointError) {
    // A pipe without a writer is not waited for.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw CheckpointError.system("the file cannot be opened", code: errno, path: path)
    }
    do throws(CheckpointError) {
      let (header, dataStart) = try Self.header(descriptor, path: path)
      tensors = header.tensors
      metadata = header.metadata
      self.dataStart = dataStart
    } catch {
      close(descriptor)
      throw error
    }
    self.path = path
    self.descriptor = descriptor
  }

  deinit { close(descriptor) }

  /// - Throws: an error that names the tensors that there are.
  public func tensor(_ name: String) throws(CheckpointError) -> Tensor {
    if let tensor = tensors.first(where: { $0.name == name }) { return tensor }
    let shown = tensors.prefix(8).map(\.name).joined(separator: ", ")
    throw CheckpointError(
      "there is no tensor \(name.debugDescription) among \(tensors.count): "
        + "\(shown)\(tensors.count > 8 ? ", ..." : "")", path: path)
  }

  private static func header(
    _ descriptor: Int32, path: String
  ) throws(CheckpointError) -> (header: SafetensorsHeader, dataStart: Int) {
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw CheckpointError("expected a regular file", path: path)
    }
    let fileBytes = Int(status.st_size)
    guard fileBytes >= 8 else {
      throw CheckpointError(
        "this is no safetensors file: it has \(fileBytes) bytes, and its header alone takes more", path: path)
    }
    let length = try read(descriptor, 0..<8, path: path).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= SafetensorsHeader.mostBytes else {
      throw CheckpointError(
        "this is no safetensors file: its first 8 bytes announce a header of \(length) bytes", path: path)
    }
    let dataStart = 8 + Int(length)
    guard dataStart <= fileBytes else {
      throw CheckpointError(
        "the file is cut off: its header ends at byte \(dataStart), and it has \(fileBytes) bytes", path: path
      )
    }
    let json = try read(descriptor, 8..<dataStart, path: path)
    let header: SafetensorsHeader
    do throws(HeaderProblem) { header = try SafetensorsHeader(json) } catch {
      throw CheckpointError("the header is broken at its byte \(error.position): \(error.text)", path: path)
    }
    guard header.dataBytes == fileBytes - dataStart else {
      // Of a header that was made up the sum may be beyond any file.
      let (end, overflow) = dataStart.addingReportingOverflow(header.dataBytes)
      throw CheckpointError(
        overflow || end > fileBytes
          ? "the file is cut off: its tensors end \(overflow ? "beyond 2^63 bytes" : "at byte \(end)"), and it has \(fileBytes) bytes; copy it again"
          : "the file goes on after its last tensor, which ends at byte \(end) of \(fileBytes)", path: path)
    }
    return (header, dataStart)
  }

  private static func read(
    _ descriptor: Int32, _ range: Range<Int>, path: String
  ) throws(CheckpointError) -> [UInt8] {
    var failure: CheckpointError?
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { buffer, initialized in
      do throws(CheckpointError) {
        try read(descriptor, at: range.lowerBound, into: UnsafeMutableRawBufferPointer(buffer), path: path)
        initialized = range.count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Fills `buffer` from a position of the file.
  private static func read(
    _ descriptor: Int32, at position: Int, into buffer: UnsafeMutableRawBufferPointer, path: String
  ) throws(CheckpointError) {
    var filled = 0
    while filled < buffer.count {
      let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[filled...])
      let count = pread(descriptor, rest.baseAddress, rest.count, off_t(position + filled))
      if count < 0, errno == EINTR { continue }
      if count < 0 { throw CheckpointError.system("the file cannot be read", code: errno, path: path) }
      if count == 0 {
        throw CheckpointError("the file became shorter while it was read", path: path)
      }
      filled += count
    }
  }

  /// Fills `buffer` from the data of `tensor`, from one of its bytes on.
  func read(
    _ tensor: Tensor, fromByte byte: Int = 0, into buffer: UnsafeMutableRawBufferPointer
  ) throws(CheckpointError) {
    try Self.read(descriptor, at: dataStart + tensor.bytes.lowerBound + byte, into: buffer, path: path)
  }
}
