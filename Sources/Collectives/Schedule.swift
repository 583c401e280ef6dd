/// What one rank does in one collective: sends, receives and additions over its memory, as data.
///
/// A schedule is a small dataflow program. The same program is run symbolically by ``ScheduleVerifier``, and
/// over MPI by ``AllreduceExecutor``; nothing in it names a clock, a transport or an element type.
///
/// **Memory.** A rank has one linear memory of elements: `0 ..< bufferCount` is the caller's, `bufferCount ..<
/// bufferCount + workspaceCount` is workspace that belongs to the schedule and holds nothing at the start. The
/// caller's memory is one buffer of `count` elements (before an allreduce this rank's contribution, after it the
/// result), or `partials` of them one after the other, where a rank brings several partial sums; the result is
/// in the first. A ``Block`` is a run of elements that lies in one buffer or in the workspace.
///
/// **Order.** Actions are listed in program order. An action may start once all its ``dependencies(of:)``,
/// earlier actions of the same rank, are complete; otherwise order is free. A send is complete when its block
/// may be overwritten, a receive when its block is filled. The dependencies alone make the result independent
/// of timing: the verifier proves that every two actions of which one writes what the other touches are
/// ordered by them.
///
/// **Window.** Whoever runs a schedule holds at most ``window`` actions in hand: those from the oldest
/// incomplete one on. That bounds outstanding requests; the verifier proves that no deadlock comes of it,
/// even if no message is buffered anywhere.
///
/// **Matching.** The k-th send of rank a to rank b, in a's program order, is received by b's k-th receive
/// from a.
public struct Schedule: Sendable, Equatable {
  /// Ranks that take part.
  public let size: Int
  /// The rank whose part this is.
  public let rank: Int
  /// Elements in a buffer of the caller's, and in the result.
  public let count: Int
  /// Buffers of the caller's.
  public let partials: Int
  /// Elements of workspace behind them.
  public let workspaceCount: Int
  /// The most actions in hand at a time, counted from the oldest incomplete one.
  public let window: Int
  /// The actions in program order.
  public let actions: [Action]

  /// Elements of the caller's memory.
  public var bufferCount: Int { partials * count }

  // The dependencies of action `a` are `dependencyList[dependencyEnds[a - 1] ..< dependencyEnds[a]]`.
  let dependencyList: [Int32]
  let dependencyEnds: [Int32]

  /// The actions, by index, that must be complete before `action` starts.
  public func dependencies(of action: Int) -> ArraySlice<Int32> {
    dependencyList[(action == 0 ? 0 : Int(dependencyEnds[action - 1]))..<Int(dependencyEnds[action])]
  }

  /// A schedule of any actions, each with the earlier ones that it waits for, by index. Nothing is checked: that is
  /// the verifier's work.
  public init(
    size: Int, rank: Int, count: Int, partials: Int = 1, workspaceCount: Int, window: Int,
    steps: [(action: Action, dependencies: [Int])]
  ) {
    var ends: [Int32] = []
    var list: [Int32] = []
    for step in steps {
      list += step.dependencies.map(Int32.init)
      ends.append(Int32(list.count))
    }
    self.init(
      size: size, rank: rank, count: count, partials: partials, workspaceCount: workspaceCount,
      window: window,
      actions: steps.map(\.action), dependencyList: list, dependencyEnds: ends)
  }

  init(
    size: Int, rank: Int, count: Int, partials: Int, workspaceCount: Int, window: Int, actions: [Action],
    dependencyList: [Int32], dependencyEnds: [Int32]
  ) {
    self.size = size
    self.rank = rank
    self.count = count
    self.partials = partials
    self.workspaceCount = workspaceCount
    self.window = window
    self.actions = actions
    self.dependencyList = dependencyList
    self.dependencyEnds = dependencyEnds
  }

  /// The most elements that a schedule's memory can have; longer buffers are reduced piece by piece.
  public static let maximumMemoryCount = Int(Int32.max)
}

/// A run of elements in a rank's memory. Thirty-two bits each, so that the schedules of thousands of ranks
/// fit in memory.
public struct Block: Sendable, Hashable {
  let offset32: Int32
  let count32: Int32

  /// First element.
  public var offset: Int { Int(offset32) }
  /// Number of elements.
  public var count: Int { Int(count32) }
  public var range: Range<Int> { offset..<offset + count }

  public init(_ range: Range<Int>) {
    offset32 = Int32(range.lowerBound)
    count32 = Int32(range.count)
  }
}

/// One step of a schedule.
public enum Action: Sendable, Hashable {
  /// Sends a block to a rank.
  case send(Block, to: Int32)

  /// Receives a block from a rank, over whatever the block held.
  case receive(Block, from: Int32)

  /// Adds as many elements, from `operand` on, into `block`. The side says where the operand stands in the
  /// sum: `.left` makes `operand + block`. IEEE additions commute, so an executor of sums need not look at
  /// it; the verifier does, since two ranks that add in different trees get different bits.
  case combine(operand: Int32, Side, into: Block)

  /// Where an operand stands in a sum.
  public enum Side: Sendable { case left, right }
}
