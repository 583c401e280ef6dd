/// Sums of the ranks' contributions as numbered expressions: equal trees have equal numbers.
///
/// Numbers `0 ..< size` are the contributions themselves.
struct SumTable {
  let size: Int
  /// Left and right operand of each sum.
  private var operands: [(left: Int32, right: Int32)] = []
  private var numbers: [UInt64: Int32] = [:]
  /// For each expression the set of ranks in it, 64 to a word.
  private var contributors: [UInt64]
  private var words: Int { (size + 63) / 64 }
  /// For each expression a rank that is in it more than once, or -1.
  private var repeated: [Int32]

  /// The number that stands for no value: memory that nothing was written to.
  static let undefined: Int32 = -1

  init(size: Int) {
    self.size = size
    let words = (size + 63) / 64
    contributors = [UInt64](repeating: 0, count: size * words)
    repeated = [Int32](repeating: -1, count: size)
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
    return number
  }

  /// A rank that is in the expression more than once.
  func repeatedContributor(in expression: Int32) -> Int? {
    repeated[Int(expression)] < 0 ? nil : Int(repeated[Int(expression)])
  }

  /// The first rank that is not in the expression.
  func missingContributor(in expression: Int32) -> Int? {
    for word in 0..<words {
      let absent = ~contributors[Int(expression) * words + word]
      let rank = word * 64 + absent.trailingZeroBitCount
      if absent != 0, rank < size { return rank }
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

  func order(of expression: Int32) -> AdditionOrder {
    if expression < size { return .contribution(of: Int(expression)) }
    let (left, right) = operands[Int(expression) - size]
    return .sum(order(of: left), order(of: right))
  }
}
