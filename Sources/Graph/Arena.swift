#if canImport(Glibc)
  import Glibc
#endif

/// One contiguous, 64-byte aligned, zeroed allocation of 4-byte elements.
public final class Arena {
  /// Regions begin at multiples of this many elements: 64 bytes, a cache line and the widest vector.
  static let alignment = 16

  /// `count` rounded up to the next region boundary.
  package static func aligned(_ count: Int) -> Int { (count + alignment - 1) & ~(alignment - 1) }

  /// Elements.
  public let count: Int
  package let base: UnsafeMutablePointer<Float>
  private let isOwned: Bool
  /// What has to live as long as the memory is used.
  private let owner: AnyObject?

  /// - Parameter count: elements; the memory is zero.
  public init(count: Int) {
    self.count = count
    let bytes = max(1, Self.aligned(count)) * MemoryLayout<Float>.stride
    let hugePage = 1 << 21
    let alignment = bytes >= hugePage ? hugePage : 64
    var memory: UnsafeMutableRawPointer?
    let code = posix_memalign(&memory, alignment, bytes)
    guard code == 0, let memory else {
      preconditionFailure("Arena: \(bytes) bytes could not be allocated (error \(code))")
    }
    // Fewer page table look-ups in products, and far fewer pages to pin when another rank reads this memory. Only a hint.
    if bytes >= hugePage { madvise(memory, bytes, MADV_HUGEPAGE) }
    memset(memory, 0, bytes)
    base = memory.bindMemory(to: Float.self, capacity: Self.aligned(count))
    isOwned = true
    owner = nil
  }

  /// An arena over memory that `owner` keeps for as long as it lives, such as mapped memory; without an owner the caller does.
  package init(borrowing memory: UnsafeMutableBufferPointer<Float>, of owner: AnyObject? = nil) {
    guard let base = memory.baseAddress else { preconditionFailure("Arena: expected memory, found none") }
    self.base = base
    count = memory.count
    isOwned = false
    self.owner = owner
  }

  deinit { if isOwned { free(base) } }

  package subscript(range: Range<Int>) -> UnsafeMutableBufferPointer<Float> {
    precondition(
      range.lowerBound >= 0 && range.upperBound <= count,
      "Arena: expected a range inside 0..<\(count), found \(range)")
    return UnsafeMutableBufferPointer(start: base + range.lowerBound, count: range.count)
  }

  /// Calls `body` with a range of the elements, for writing: what an optimizer outside this package needs.
  public func withMutableElements<Result>(
    _ range: Range<Int>, _ body: (inout MutableSpan<Float>) -> Result
  ) -> Result {
    var span = self[range].mutableSpan
    return body(&span)
  }

  /// The elements, for reading.
  public var elements: Span<Float> {
    @_lifetime(borrow self) get {
      let span = Span(_unsafeStart: UnsafePointer(base), count: count)
      return _overrideLifetime(span, borrowing: self)
    }
  }
}
