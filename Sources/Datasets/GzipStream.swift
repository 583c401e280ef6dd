import CZlib
import Glibc

/// A gzip file as it is unpacked. zlib checks the checksum and length at its end.
final class GzipStream {
  private let file: gzFile
  private let path: String

  /// - Parameter descriptor: of the file, at its start; stays the caller's.
  init(_ descriptor: Int32, path: String) throws(DatasetError) {
    let own = dup(descriptor)
    guard own >= 0, let file = gzdopen(own, "rb") else {
      if own >= 0 { close(own) }
      throw DatasetError("the file cannot be unpacked: there is no memory or descriptor for it", path: path)
    }
    gzbuffer(file, 1 << 17)
    self.file = file
    self.path = path
  }

  deinit { gzclose_r(file) }

  /// - Returns: how many bytes were read; 0 at the end.
  func read(into buffer: UnsafeMutableRawBufferPointer) throws(DatasetError) -> Int {
    let count = gzread(file, buffer.baseAddress, UInt32(min(buffer.count, 1 << 30)))
    var code = Z_OK
    let message = gzerror(file, &code)
    // A file that is cut off reads as far as it goes, with a code that says so.
    guard count >= 0, code == Z_OK || code == Z_STREAM_END else {
      let reason = code == Z_ERRNO ? String(cString: strerror(errno)) : message.map { String(cString: $0) }
      let cut = code == Z_BUF_ERROR ? "it is cut off" : reason ?? "code \(code)"
      throw DatasetError("the gzip file cannot be unpacked (\(cut)); copy it again", path: path)
    }
    return Int(count)
  }
}
