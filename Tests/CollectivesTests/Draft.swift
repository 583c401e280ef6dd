import Collectives

/// A schedule that can be changed.
struct Draft {
  let original: Schedule
  var window: Int
  var steps: [(action: Action, dependencies: [Int])]

  enum Kind { case send, receive, combine }

  init(_ schedule: Schedule) {
    original = schedule
    window = schedule.window
    steps = schedule.actions.indices.map {
      (schedule.actions[$0], schedule.dependencies(of: $0).map(Int.init))
    }
  }

  var schedule: Schedule {
    Schedule(
      size: original.size, rank: original.rank, count: original.count, partials: original.partials,
      workspaceCount: original.workspaceCount, window: window, steps: steps)
  }

  func first(of kind: Kind) -> Int { steps.firstIndex { $0.action.kind == kind }! }
  func last(of kind: Kind) -> Int { steps.lastIndex { $0.action.kind == kind }! }

  /// Takes an action out. What waited for it waits for what it waited for.
  mutating func remove(_ index: Int) {
    let removed = steps.remove(at: index)
    for step in steps.indices {
      steps[step].dependencies = steps[step].dependencies.flatMap {
        $0 == index ? removed.dependencies : [$0 > index ? $0 - 1 : $0]
      }
    }
  }

  /// Puts a copy of an action after it. What waited for it waits for the copy.
  mutating func double(_ index: Int) {
    for step in steps.indices.dropFirst(index + 1) {
      steps[step].dependencies = steps[step].dependencies.map { $0 >= index ? $0 + 1 : $0 }
    }
    steps.insert((steps[index].action, [index]), at: index + 1)
  }

  /// Moves the block of an action.
  mutating func shift(_ index: Int, by distance: Int) {
    func moved(_ block: Block) -> Block {
      Block(block.range.lowerBound + distance..<block.range.upperBound + distance)
    }
    switch steps[index].action {
    case .send(let block, let peer): steps[index].action = .send(moved(block), to: peer)
    case .receive(let block, let peer): steps[index].action = .receive(moved(block), from: peer)
    case .combine(let operand, let side, let block):
      steps[index].action = .combine(operand: operand, side, into: moved(block))
    }
  }
}

extension Action {
  var kind: Draft.Kind {
    switch self {
    case .send: .send
    case .receive: .receive
    case .combine: .combine
    }
  }
}
