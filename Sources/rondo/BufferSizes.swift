import ArgumentParser

/// The buffers that a command goes through, from the smallest to the largest.
struct BufferSizes: ParsableArguments {
  @Option(help: "The smallest buffer, such as 1000 (bytes) or 4KiB, the default.", transform: ByteSize.init)
  var min = ByteSize(bytes: 4 << 10)

  @Option(help: "The largest buffer (default: 64MiB).", transform: ByteSize.init)
  var max = ByteSize(bytes: 64 << 20)

  @Option(help: "Each buffer is this many times the one before.")
  var factor = 4

  func validate() throws {
    guard min.bytes >= 4 else { throw ValidationError("--min must be at least 4 bytes, one element") }
    guard min.bytes <= max.bytes else {
      throw ValidationError("--min \(min.bytes) is greater than --max \(max.bytes)")
    }
    guard factor >= 2 else { throw ValidationError("--factor must be at least 2, found \(factor)") }
  }

  /// Bytes of each. They stop at --max, and where the next one could not be written in an integer.
  var all: [Int] {
    var sizes = [min.bytes]
    while true {
      let (next, overflow) = sizes[sizes.count - 1].multipliedReportingOverflow(by: factor)
      if overflow || next > max.bytes { return sizes }
      sizes.append(next)
    }
  }
}
