import Synchronization

/// Whether OpenBLAS, asked for C += op(A) op(B), adds the finished product to C: one addition an element.
///
/// Its kernels keep the product of up to a few hundred of k in registers and add that to C. So it does where k is one such block, and then
/// the bits are those of a product by itself and a sum afterwards. How long a block is depends on the kernel and on the shape (320 to
/// 448 are common), and no call tells; so each shape is tried once, with random numbers: were there two blocks, about half of the elements
/// would differ.
struct WholeAddition: Hashable {
  let transposeA: Bool
  let transposeB: Bool
  let rows: Int
  let columns: Int
  let inner: Int

  private static let known = Mutex<[WholeAddition: Bool]>([:])

  /// No kernel has a longer block.
  private static let longest = 1024
  /// Too few elements to tell by.
  private static let fewest = 64

  var holds: Bool {
    guard inner <= Self.longest, rows * columns >= Self.fewest else { return false }
    if let answer = Self.known.withLock({ $0[self] }) { return answer }
    let answer = isObserved()
    Self.known.withLock { $0[self] = answer }
    return answer
  }

  private func isObserved() -> Bool {
    let count = rows * columns
    var state: UInt32 = 1
    func numbers(_ count: Int) -> [Float] {
      (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return Float(state >> 8) * 0x1p-24 - 0.5
      }
    }
    let (a, b) = (numbers(rows * inner), numbers(inner * columns))
    let before = numbers(count)
    var (added, product) = (before, [Float](repeating: 0, count: count))
    func multiply(_ beta: Float, into c: inout [Float]) {
      Float._gemm(
        transposeA, transposeB, rows, columns, inner, 1, a, max(1, transposeA ? rows : inner), b,
        max(1, transposeB ? inner : columns), beta, &c, columns)
    }
    multiply(0, into: &product)
    multiply(1, into: &added)
    return (0..<count).allSatisfy { before[$0] + product[$0] == added[$0] }
  }
}
