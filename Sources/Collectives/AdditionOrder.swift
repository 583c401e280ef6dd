/// In which order contributions are added, of ranks or of the leaves of a ``ReductionTree``: the expression tree
/// of a sum.
///
/// Floating-point addition is not associative, so the tree decides the bits. Two ranks, or two algorithms,
/// that add in the same tree get the same bits.
public indirect enum AdditionOrder: Sendable, Equatable {
  /// The contribution of a rank or of a leaf.
  case contribution(of: Int)
  case sum(AdditionOrder, AdditionOrder)

  /// ((a + b) + c) + ..., for at least one rank.
  public static func chain(_ ranks: some Sequence<Int>) -> AdditionOrder {
    var order: AdditionOrder?
    for rank in ranks {
      order = order.map { .sum($0, .contribution(of: rank)) } ?? .contribution(of: rank)
    }
    guard let order else { preconditionFailure("a sum needs at least one contribution") }
    return order
  }
}

extension AdditionOrder: CustomStringConvertible {
  /// The tree in brackets, such as `(2 + 0) + 1`.
  public var description: String {
    switch self {
    case .contribution(let rank): "\(rank)"
    case .sum(let left, let right): "\(left.bracketed) + \(right.bracketed)"
    }
  }

  private var bracketed: String {
    if case .sum = self { "(\(self))" } else { "\(self)" }
  }
}
