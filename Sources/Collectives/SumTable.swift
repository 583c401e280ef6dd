/// Sums of contributions, of ranks or of leaves, as numbered expressions: equal trees have equal numbers. Sums and
/// contributions may be rounded to the wire format.
///
/// Numbers `0 ..< size` are the contributions themselves.
struct SumTable {
  let size: Int
  /// Left and right operand of each sum. What is only rounded has `rounding` on the right.
  private var operands: [(left: Int32, right: Int32)] = []
  private var numbers: [UInt64: Int32] = [:]
  /// For each expression the set of contributions in it, 64 to a word.
  private var contributors: [UInt64]
  private var words: Int { (size + 63) / 64 }
  /// For each expression a contribution that is in it more than once, or -1.
  private var repeated: [Int32]
  /// For each expression the most roundings on the way from a contribution to it.
  private var depths: [Int32]

  /// The number that stands for no value: memory that nothing was written to.
  static let undefined: Int32 = -1
  private static let rounding: Int32 = -1

  init(size: Int) {
    self.size = size
    let words = (size + 63) / 64
    contributors = [UInt64](repeating: 0, count: size * words)
    repeated = [Int32](repeating: -1, count: size)
    depths = [Int32](repeating: 0, count: size)
    for rank in 0..<size { contributors[rank * words + rank / 64] = 1 << UInt64(rank % 64) }
  }

  /// The number of left + right. With an undefined operand the sum is undefined.
  mutating func sum(_ left: Int32, _ right: Int32) -> Int32 {
    guard left >= 0, right >= 0 else { return Self.undefined }
    let key = UInt64(left) << 32 | UInt64(right)
    if let number = numbers[key] { return number }
    let number = Int32(size + operands.count)
    numbers[key] = number
    operands.append((left, right))
    var twice = max(repeated[Int(left)], repeated[Int(right)])
    for word in 0..<words {
      let a = contributors[Int(left) * words + word]
      let b = contributors[Int(right) * words + word]
      contributors.append(a | b)
      if a & b != 0 { twice = Int32(word * 64 + (a & b).trailingZeroBitCount) }
    }
    repeated.append(twice)
    depths.append(max(depths[Int(left)], depths[Int(right)]))
    return number
  }

  /// The number of an expression rounded. Rounding again changes nothing.
  mutating func rounded(_ expression: Int32) -> Int32 {
    guard expression >= 0, !isRounded(expression) else { return expression }
    let key = UInt64(expression) << 32 | UInt64(UInt32(bitPattern: Self.rounding))
    if let number = numbers[key] { return number }
    let number = Int32(size + operands.count)
    numbers[key] = number
    operands.append((expression, Self.rounding))
    for word in 0..<words { contributors.append(contributors[Int(expression) * words + word]) }
    repeated.append(repeated[Int(expression)])
    depths.append(depths[Int(expression)] + 1)
    return number
  }

  private func isRounded(_ expression: Int32) -> Bool {
    expression >= size && operands[Int(expression) - size].right == Self.rounding
  }

  /// The number of the same sum without any rounding.
  mutating func exact(_ expression: Int32) -> Int32 {
    guard expression >= size else { return expression }
    let (left, right) = operands[Int(expression) - size]
    let exactLeft = exact(left)
    return right == Self.rounding ? exactLeft : sum(exactLeft, exact(right))
  }

  /// The most roundings on the way from a contribution to the expression.
  func roundings(in expression: Int32) -> Int { expression < 0 ? 0 : Int(depths[Int(expression)]) }

  /// A contribution that is in the expression more than once.
  func repeatedContributor(in expression: Int32) -> Int? {
    repeated[Int(expression)] < 0 ? nil : Int(repeated[Int(expression)])
  }

  /// The first contribution to `whole` that is not in the expression.
  func missingContributor(in expression: Int32, of whole: Int32) -> Int? {
    for word in 0..<words {
      let absent = contributors[Int(whole) * words + word] & ~contributors[Int(expression) * words + word]
      if absent != 0 { return word * 64 + absent.trailingZeroBitCount }
    }
    return nil
  }

  mutating func number(of order: AdditionOrder) -> Int32 {
    switch order {
    case .contribution(let rank): return Int32(rank)
    case .sum(let left, let right):
      let left = number(of: left)
      return sum(left, number(of: right))
    }
  }

  /// The order of additions, without roundings.
  func order(of expression: Int32) -> AdditionOrder {
    if expression < size { return .contribution(of: Int(expression)) }
    let (left, right) = operands[Int(expression) - size]
    return right == Self.rounding ? order(of: left) : .sum(order(of: left), order(of: right))
  }
}
