/// Memory with one owner, which can move into a request and back out of it: 64-byte aligned, a fixed number
/// of elements.
///
/// An array will not do for a pending transfer: it may be shared, and its storage may move when it is
/// written.
///
/// `@unchecked Sendable` is safe because the buffer cannot be copied: whoever has it is the only one who gets at the memory, and its elements
/// are plain numbers.
public struct OwnedBuffer<Element: MPIScalar>: ~Copyable, @unchecked Sendable {
  private let base: UnsafeMutablePointer<Element>
  /// The number of elements.
  public let count: Int

  /// `count` elements, all equal to `value`.
  public init(repeating value: Element, count: Int) {
    precondition(count >= 0, "OwnedBuffer: count \(count) is negative")
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, count) * MemoryLayout<Element>.stride, alignment: 64)
    base = bytes.initializeMemory(as: Element.self, repeating: value, count: count)
    self.count = count
  }

  /// A copy of `elements`. The empty collection makes an empty buffer.
  public init(_ elements: some Collection<Element>) {
    let bytes = UnsafeMutableRawPointer.allocate(
      byteCount: max(1, elements.count) * MemoryLayout<Element>.stride, alignment: 64)
    base = bytes.bindMemory(to: Element.self, capacity: elements.count)
    count = elements.count
    let end = UnsafeMutableBufferPointer(start: base, count: count).initialize(fromContentsOf: elements)
    precondition(end == count, "OwnedBuffer: the collection's count is wrong")
  }

  deinit { base.deallocate() }

  /// The elements, to read.
  public var span: Span<Element> {
    @_lifetime(borrow self)
    get { _overrideLifetime(Span(_unsafeStart: base, count: count), borrowing: self) }
  }

  /// The elements, to write.
  public var mutableSpan: MutableSpan<Element> {
    @_lifetime(&self)
    mutating get { _overrideLifetime(MutableSpan(_unsafeStart: base, count: count), mutating: &self) }
  }

  /// A copy of the elements as an array.
  public var array: [Element] { Array(UnsafeBufferPointer(start: base, count: count)) }

  /// For calls that keep the buffer until they are complete.
  var block: Block { Block(base, count: count, type: Element.datatype) }
}

/// What a call reads and what it writes, moved into a request together.
public struct BufferPair<Element: MPIScalar>: ~Copyable, Sendable {
  public var source: OwnedBuffer<Element>
  public var destination: OwnedBuffer<Element>

  public init(source: consuming OwnedBuffer<Element>, destination: consuming OwnedBuffer<Element>) {
    self.source = source
    self.destination = destination
  }
}
