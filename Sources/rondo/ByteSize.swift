import ArgumentParser

/// A number of bytes as people write it: `1000`, `4KiB`, `64 MiB`, `1GB`.
struct ByteSize {
  let bytes: Int

  init(bytes: Int) { self.bytes = bytes }

  init(_ text: String) throws {
    let units = [
      "": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "kB": 1_000, "MB": 1_000_000,
      "GB": 1_000_000_000,
    ]
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text.dropFirst(digits.count).drop { $0 == " " }
    guard let number = Int(digits), let factor = units[String(unit)] else {
      throw ValidationError("a size is a number of bytes such as 1000, 4KiB or 64MiB, found \"\(text)\"")
    }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    guard !overflow else { throw ValidationError("the size \(text) is too large") }
    self.bytes = bytes
  }
}
