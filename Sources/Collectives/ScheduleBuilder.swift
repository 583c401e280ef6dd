/// Puts a ``Schedule`` together, action by action in program order. Each function gives the action's index,
/// for later actions to name among those they wait for; negative indices stand for "nothing" and are left
/// out.
struct ScheduleBuilder {
  private let size: Int
  private let rank: Int
  private let count: Int
  private let partials: Int
  private var actions: [Action] = []
  private var dependencyList: [Int32] = []
  private var dependencyEnds: [Int32] = []

  /// No action: what an algorithm keeps where there is nothing to wait for.
  static let nothing: Int32 = -1

  /// The most actions in hand that an algorithm wants. More would only make MPI look through more requests.
  static let largestWindow = 512

  /// So many actions in hand, within bounds.
  static func window(_ wanted: Int) -> Int { max(1, min(largestWindow, wanted)) }

  init(size: Int, rank: Int, count: Int, partials: Int = 1, capacity: Int = 0) {
    precondition(size > 0 && 0 <= rank && rank < size && count >= 0 && partials > 0)
    self.size = size
    self.rank = rank
    self.count = count
    self.partials = partials
    actions.reserveCapacity(capacity)
    dependencyList.reserveCapacity(capacity)
    dependencyEnds.reserveCapacity(capacity)
  }

  mutating func send(_ range: Range<Int>, to peer: Int, after first: Int32, _ second: Int32 = nothing)
    -> Int32
  {
    append(.send(Block(range), to: Int32(peer)), first, second)
  }

  mutating func send(_ range: Range<Int>, to peer: Int, after dependencies: [Int32]) -> Int32 {
    append(.send(Block(range), to: Int32(peer)), dependencies)
  }

  mutating func receive(
    _ range: Range<Int>, from peer: Int, after first: Int32, _ second: Int32 = nothing
  ) -> Int32 {
    append(.receive(Block(range), from: Int32(peer)), first, second)
  }

  mutating func receive(_ range: Range<Int>, from peer: Int, after dependencies: [Int32]) -> Int32 {
    append(.receive(Block(range), from: Int32(peer)), dependencies)
  }

  /// Adds the elements from `operand` on into `range`.
  mutating func combine(
    _ operand: Int, on side: Action.Side, into range: Range<Int>, after first: Int32,
    _ second: Int32 = nothing
  ) -> Int32 {
    append(.combine(operand: Int32(operand), side, into: Block(range)), first, second)
  }

  mutating func combine(
    _ operand: Int, on side: Action.Side, into range: Range<Int>, after dependencies: [Int32]
  ) -> Int32 {
    append(.combine(operand: Int32(operand), side, into: Block(range)), dependencies)
  }

  private mutating func append(_ action: Action, _ first: Int32, _ second: Int32) -> Int32 {
    let index = Int32(actions.count)
    precondition(first < index && second < index, "an action can wait only for earlier ones")
    if first >= 0 { dependencyList.append(first) }
    if second >= 0 { dependencyList.append(second) }
    return finishAction(action)
  }

  private mutating func append(_ action: Action, _ dependencies: [Int32]) -> Int32 {
    for dependency in dependencies where dependency >= 0 {
      precondition(dependency < actions.count, "an action can wait only for earlier ones")
      dependencyList.append(dependency)
    }
    return finishAction(action)
  }

  private mutating func finishAction(_ action: Action) -> Int32 {
    actions.append(action)
    dependencyEnds.append(Int32(dependencyList.count))
    return Int32(actions.count - 1)
  }

  consuming func finish(workspaceCount: Int, window: Int) -> Schedule {
    precondition(window > 0)
    precondition(partials * count + workspaceCount <= Schedule.maximumMemoryCount)
    return Schedule(
      size: size, rank: rank, count: count, partials: partials, workspaceCount: workspaceCount,
      window: window,
      actions: actions, dependencyList: dependencyList, dependencyEnds: dependencyEnds)
  }
}
