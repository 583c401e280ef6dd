/// Elements one behind the other, for loops that run a hundred million times: an array that has one owner and checks bounds in
/// debug builds only.
struct FlatArray<Element: BitwiseCopyable>: ~Copyable {
  private(set) var base: UnsafeMutablePointer<Element>
  private(set) var count: Int
  private var capacity: Int

  init(repeating element: Element, count: Int) {
    base = .allocate(capacity: max(1, count))
    base.initialize(repeating: element, count: count)
    self.count = count
    capacity = max(1, count)
  }

  init() {
    base = .allocate(capacity: 1)
    count = 0
    capacity = 1
  }

  deinit { base.deallocate() }

  subscript(index: Int) -> Element {
    @inline(__always) get {
      assert(0 <= index && index < count)
      return base[index]
    }
    @inline(__always) _modify {
      assert(0 <= index && index < count)
      yield &base[index]
    }
  }

  mutating func append(_ element: Element) {
    if count == capacity { grow(to: 2 * capacity) }
    (base + count).initialize(to: element)
    count += 1
  }

  mutating func append(contentsOf elements: some Sequence<Element>) {
    for element in elements { append(element) }
  }

  /// Makes room for elements to come.
  mutating func reserveCapacity(_ capacity: Int) { if capacity > self.capacity { grow(to: capacity) } }

  /// Makes all elements the same.
  mutating func fill(with element: Element) { base.update(repeating: element, count: count) }

  private mutating func grow(to capacity: Int) {
    let larger = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
    larger.moveInitialize(from: base, count: count)
    base.deallocate()
    base = larger
    self.capacity = capacity
  }
}
