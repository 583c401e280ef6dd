import MPI

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// Runs schedules over MPI: starts every transfer as soon as it may start, adds while others travel, and
/// waits only when there is nothing else to do.
struct ScheduleRunner: ~Copyable {
  /// Time spent with nothing to do but wait.
  private(set) var secondsWaiting = 0.0

  private let progress: AllreduceProgress
  private var workspace = Workspace()
  private var requests = RequestSet(capacity: 0)
  /// The action that each slot of `requests` belongs to.
  private var actionOfSlot: [Int] = []
  /// Additions that may start, oldest first, in a circle.
  private var sums: [Int] = []
  private var sumsHead = 0
  private var sumsCount = 0

  init(progress: AllreduceProgress) { self.progress = progress }

  /// One run of a plan over the caller's memory: `data` is its first buffer, `otherPartials` those after it,
  /// where the schedule has more than one.
  ///
  /// - Parameter combine: block[i] = operand[i] combined with block[i], for that many elements.
  mutating func run(
    _ plan: ExecutionPlan, over data: UnsafeMutableRawPointer,
    otherPartials: [UnsafeMutableRawPointer] = [], elementBytes: Int, call: Int,
    on communicator: borrowing Communicator, patience: Patience,
    combine: (_ operand: UnsafeRawPointer, _ block: UnsafeMutableRawPointer, _ count: Int) -> Void
  ) throws(MPIError) {
    precondition(plan.schedule.partials == 1 + otherPartials.count)
    prepare(plan.schedule, elementBytes)
    let memory = RankMemory(
      data: data, otherPartials: otherPartials, count: plan.schedule.count,
      bufferCount: plan.schedule.bufferCount, workspace: workspace.bytes.baseAddress ?? data,
      elementBytes: elementBytes)
    plan.order.reset()
    while !plan.order.isDone {
      while let action = plan.order.next() {
        let tag = MessageTag.tag(call: call, message: plan.messageNumbers[action])
        switch plan.schedule.actions[action] {
        case .send(let block, let peer):
          let slot = try requests.startSend(
            UnsafeRawBufferPointer(memory[block]), to: Int(peer), tag: tag, on: communicator)
          actionOfSlot[slot] = action
        case .receive(let block, let peer):
          let slot = try requests.startReceive(memory[block], from: Int(peer), tag: tag, on: communicator)
          actionOfSlot[slot] = action
        case .combine: pushSum(action)
        }
      }
      // An addition comes first: its operand has just been received and is in the cache, and a send waits for
      // it.
      if let action = popSum() {
        if case .combine(let operand, _, let block) = plan.schedule.actions[action] {
          combine(memory.address(Int(operand)), memory.address(block.offset), block.count)
        }
        plan.order.complete(action)
      } else {
        let slot = try waitAny(plan, patience)
        plan.order.complete(actionOfSlot[slot])
      }
      progress.completeAction()
    }
  }

  /// Polls until a transfer is complete, and gives its slot.
  private mutating func waitAny(_ plan: ExecutionPlan, _ patience: Patience) throws(MPIError) -> Int {
    if let slot = try requests.testAny() { return slot }
    let start = MPI.wallTime()
    // The oldest incomplete action has all it needs, so it is under way: it is what holds this rank up.
    switch plan.schedule.actions[plan.order.oldest] {
    case .send(_, let peer): progress.enter(.sending(to: Int(peer)))
    case .receive(_, let peer): progress.enter(.receiving(from: Int(peer)))
    case .combine: break
    }
    var polls = 0
    while true {
      if let slot = try requests.testAny() {
        progress.enter(.working)
        secondsWaiting += MPI.wallTime() - start
        return slot
      }
      polls += 1
      if polls > patience.polls { sched_yield() }
    }
  }

  private mutating func prepare(_ schedule: Schedule, _ elementBytes: Int) {
    workspace.reserve(byteCount: schedule.workspaceCount * elementBytes)
    let inHand = min(schedule.window, schedule.actions.count)
    if inHand > requests.capacity {
      requests = RequestSet(capacity: inHand)
      actionOfSlot = Array(repeating: 0, count: inHand)
      sums = Array(repeating: 0, count: inHand)
      sumsHead = 0
    }
  }

  private mutating func pushSum(_ action: Int) {
    let place = sumsHead + sumsCount
    sums[place < sums.count ? place : place - sums.count] = action
    sumsCount += 1
  }

  private mutating func popSum() -> Int? {
    guard sumsCount > 0 else { return nil }
    let action = sums[sumsHead]
    sumsHead = sumsHead + 1 == sums.count ? 0 : sumsHead + 1
    sumsCount -= 1
    return action
  }
}

/// A schedule's linear memory, laid over the caller's buffers and the workspace.
private struct RankMemory {
  let data: UnsafeMutableRawPointer
  let otherPartials: [UnsafeMutableRawPointer]
  let count: Int
  let bufferCount: Int
  let workspace: UnsafeMutableRawPointer
  let elementBytes: Int

  func address(_ offset: Int) -> UnsafeMutableRawPointer {
    if offset < count { return data + offset * elementBytes }
    if offset >= bufferCount { return workspace + (offset - bufferCount) * elementBytes }
    let (partial, element) = offset.quotientAndRemainder(dividingBy: count)
    return otherPartials[partial - 1] + element * elementBytes
  }

  subscript(block: Block) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: address(block.offset), count: block.count * elementBytes)
  }
}
