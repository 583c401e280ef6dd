/// Runs the schedules of all ranks together over symbolic memories, to the end or until nothing can go on.
///
/// An action starts when ``IssueOrder`` lets it, as in the executor. Whether all ranks get to the end does
/// not depend on who goes first: what may start or complete only ever grows. And where ``RaceCheck`` finds
/// nothing, neither do the values. So one run stands for all timings.
struct SymbolicRun {
  private let schedules: [Schedule]
  private let matching: MessageMatching
  private let delivery: Finding.Delivery
  private let wire: WireFormat
  private var orders: [IssueOrder]
  /// For each rank, the transfers that have started.
  private var started: [[Bool]]
  /// Ranks that may have actions to start.
  private var active: [Int]

  /// Each rank's memory; nil when values are not followed.
  private(set) var memories: [IntervalMap<Value>]?
  private(set) var sums: SumTable
  private(set) var findings: [Finding] = []

  /// What an element holds.
  struct Value {
    /// Its number in the `SumTable`.
    var sum: Int32
    /// Which element of the buffers it is a sum of, less the element of memory it stands at.
    var shift: Int32
    /// The most messages in a row by which a contribution came here.
    var rounds: Int32
  }

  /// - Parameter followsValues: whether to keep the memories, or only to see whether all ranks get to the
  ///   end.
  init(
    _ schedules: [Schedule], _ matching: MessageMatching, _ delivery: Finding.Delivery,
    contract: CollectiveContract, followsValues: Bool, wire: WireFormat = .float32
  ) {
    self.schedules = schedules
    self.matching = matching
    self.delivery = delivery
    self.wire = wire
    orders = schedules.map(IssueOrder.init)
    started = schedules.map { [Bool](repeating: false, count: $0.actions.count) }
    active = Array(schedules.indices.reversed())
    sums = SumTable(size: contract.contributors)
    guard followsValues else { return }
    memories = schedules.map { schedule in
      var memory = IntervalMap(
        count: schedule.bufferCount + schedule.workspaceCount,
        repeating: Value(sum: SumTable.undefined, shift: 0, rounds: 0))
      for holding in contract.before[schedule.rank] {
        let shift = Int32(holding.firstElement - holding.range.lowerBound)
        memory.set(Value(sum: sums.number(of: holding.order), shift: shift, rounds: 0), in: holding.range)
      }
      return memory
    }
  }

  mutating func run() {
    while let rank = active.popLast() {
      while let action = orders[rank].next() { start(action, on: rank) }
    }
    let waiting = schedules.indices.filter { !orders[$0].isDone }.map {
      schedules[$0].place(orders[$0].oldest)
    }
    if !waiting.isEmpty { findings.append(.deadlock(delivery, waiting: waiting)) }
    // The executor rounds what was not sent.
    for schedule in schedules where schedule.size > 1 { round(0..<schedule.count, ofRank: schedule.rank) }
  }

  /// The most roundings that a contribution passed through on its way into a result.
  var roundings: Int {
    var most = 0
    for (schedule, memory) in zip(schedules, memories ?? []) {
      memory.forEach(in: 0..<schedule.count) { _, value in most = max(most, sums.roundings(in: value.sum)) }
    }
    return most
  }

  private mutating func start(_ action: Int, on rank: Int) {
    let partner = Int(matching.partners[rank][action])
    switch schedules[rank].actions[action] {
    case .combine(let operand, let side, let block):
      combine(Int(operand), side, block, schedules[rank].place(action))
      orders[rank].complete(action)
    case .send(let block, let peer):
      checkDefined(block.range, schedules[rank].place(action))
      round(block.range, ofRank: rank)
      started[rank][action] = true
      if delivery == .eager { orders[rank].complete(action) }
      if partner >= 0, started[Int(peer)][partner] {
        deliver(send: action, of: rank, receive: partner, of: Int(peer))
      }
    case .receive(_, let peer):
      started[rank][action] = true
      if partner >= 0, started[Int(peer)][partner] {
        deliver(send: partner, of: Int(peer), receive: action, of: rank)
      }
    }
  }

  private mutating func deliver(send: Int, of sender: Int, receive: Int, of receiver: Int) {
    if case .send(let source, _) = schedules[sender].actions[send],
      case .receive(let target, _) = schedules[receiver].actions[receive]
    {
      let distance = target.offset - source.offset
      for (elements, value) in values(in: source.range, ofRank: sender) {
        memories?[receiver].set(
          Value(sum: value.sum, shift: value.shift - Int32(distance), rounds: value.rounds + 1),
          in: elements.shifted(by: distance))
      }
    }
    orders[receiver].complete(receive)
    active.append(receiver)
    if delivery == .rendezvous {
      orders[sender].complete(send)
      active.append(sender)
    }
  }

  private mutating func combine(_ operand: Int, _ side: Action.Side, _ block: Block, _ place: ActionPlace) {
    checkDefined(operand..<operand + block.count, place)
    checkDefined(block.range, place)
    let distance = block.offset - operand
    for (elements, addend) in values(in: operand..<operand + block.count, ofRank: place.rank) {
      guard let runs = memories?[place.rank].cut(elements.shifted(by: distance)) else { continue }
      for run in runs {
        guard var value = memories?[place.rank][run] else { continue }
        if addend.shift - Int32(distance) != value.shift {
          findings.append(.misplacedOperand(place, elements: elements))
        }
        value.sum = side == .left ? sums.sum(addend.sum, value.sum) : sums.sum(value.sum, addend.sum)
        value.rounds = max(value.rounds, addend.rounds)
        memories?[place.rank][run] = value
      }
    }
  }

  /// A send rounds its block, where the wire format has fewer bits.
  private mutating func round(_ range: Range<Int>, ofRank rank: Int) {
    guard wire == .bfloat16, let runs = memories?[rank].cut(range) else { return }
    for run in runs {
      guard let value = memories?[rank][run] else { continue }
      memories?[rank][run].sum = sums.rounded(value.sum)
    }
  }

  private func values(in range: Range<Int>, ofRank rank: Int) -> [(Range<Int>, Value)] {
    var values: [(Range<Int>, Value)] = []
    memories?[rank].forEach(in: range) { values.append(($0, $1)) }
    return values
  }

  private mutating func checkDefined(_ range: Range<Int>, _ place: ActionPlace) {
    guard let memory = memories?[place.rank] else { return }
    memory.forEach(in: range) { elements, value in
      if value.sum == SumTable.undefined { findings.append(.undefinedOperand(place, elements: elements)) }
    }
  }
}
