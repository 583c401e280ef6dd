/// An allreduce algorithm: every rank brings a buffer, and gets the sum of all.
public protocol ScheduledAllreduce: ScheduledCollective {
  /// In which order each element's contributions are added: ranges that cover `0 ..< count` in ascending
  /// order.
  func additionOrders(size: Int, count: Int) -> [(range: Range<Int>, order: AdditionOrder)]
}

extension ScheduledAllreduce {
  public func contract(size: Int, count: Int) -> CollectiveContract {
    CollectiveContract(
      contributors: size,
      before: (0..<size).map { [.init(range: 0..<count, order: .contribution(of: $0))] },
      result: additionOrders(size: size, count: count),
      after: Array(repeating: [0..<count], count: size))
  }
}
