/// Memory that grows and is kept: schedules receive into it. Fresh pages are written once as it grows, so
/// that no later call pays for page faults, which cost a large allreduce more than its additions do.
struct Workspace: ~Copyable {
  private(set) var bytes = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private static let pageBytes = 4096

  /// Grows to at least that many bytes. What it held is lost, and earlier addresses with it.
  mutating func reserve(byteCount: Int) {
    guard byteCount > bytes.count else { return }
    bytes.deallocate()
    let pages = (byteCount + Self.pageBytes - 1) / Self.pageBytes
    bytes = .allocate(byteCount: pages * Self.pageBytes, alignment: Self.pageBytes)
    bytes.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { bytes.deallocate() }
}
