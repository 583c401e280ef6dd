import Kernels
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
  /// With bfloat16 on the wire: sends that may start, oldest last, and what is sent, packed.
  private var sends: [Int] = []
  private var staging = Workspace()

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
    prepare(plan, elementBytes)
    let memory = RankMemory(
      data: data, otherPartials: otherPartials, count: plan.schedule.count,
      bufferCount: plan.schedule.bufferCount, workspace: workspace.bytes.baseAddress ?? data,
      elementBytes: elementBytes)
    let isPacked = plan.wire != nil
    plan.order.reset()
    while !plan.order.isDone {
      while let action = plan.order.next() {
        switch plan.schedule.actions[action] {
        case .send(let block, let peer):
          if isPacked {
            pushSend(action)
          } else {
            try startSend(
              action, UnsafeRawBufferPointer(memory[block]), to: peer, plan, call, on: communicator)
          }
        case .receive(let block, let peer):
          let bytes =
            isPacked
            ? UnsafeMutableRawBufferPointer(
              start: memory.packed(block), count: block.count * WirePlan.elementBytes) : memory[block]
          let tag = MessageTag.tag(call: call, message: plan.messageNumbers[action])
          let slot = try requests.startReceive(bytes, from: Int(peer), tag: tag, on: communicator)
          actionOfSlot[slot] = action
        case .combine: pushSum(action)
        }
      }
      // An addition comes first: its operand has just been received and is in the cache, and a send waits for
      // it.
      if let action = popSum() {
        if case .combine(let operand, _, let block) = plan.schedule.actions[action] {
          if let wire = plan.wire, wire.isPacked[action] {
            let packed = memory.packed(Block(Int(operand)..<Int(operand) + block.count))
            BFloat16.add(block.count, to: memory.floats(block.offset), packed)
          } else {
            combine(memory.address(Int(operand)), memory.address(block.offset), block.count)
          }
        }
        plan.order.complete(action)
      } else if let action = sends.popLast() {
        if case .send(let block, let peer) = plan.schedule.actions[action] {
          let packed = pack(block, of: action, plan, memory)
          try startSend(action, packed, to: peer, plan, call, on: communicator)
        }
        // Packing is work, and many sends may be ready long before their time: between two of them whatever
        // has arrived gets its turn.
        guard let slot = try requests.testAny() else { continue }
        completeTransfer(slot, plan, memory)
      } else {
        let slot = try waitAny(plan, patience)
        completeTransfer(slot, plan, memory)
      }
      progress.completeAction()
    }
    if let wire = plan.wire {
      for range in wire.unroundedResult {
        BFloat16.round(range.count, inPlace: memory.floats(range.lowerBound))
      }
    }
  }

  private mutating func startSend(
    _ action: Int, _ bytes: UnsafeRawBufferPointer, to peer: Int32, _ plan: ExecutionPlan, _ call: Int,
    on communicator: borrowing Communicator
  ) throws(MPIError) {
    let tag = MessageTag.tag(call: call, message: plan.messageNumbers[action])
    let slot = try requests.startSend(bytes, to: Int(peer), tag: tag, on: communicator)
    actionOfSlot[slot] = action
  }

  /// Rounds a block that is to be sent, and gives its elements as they travel.
  private func pack(
    _ block: Block, of action: Int, _ plan: ExecutionPlan, _ memory: RankMemory
  ) -> UnsafeRawBufferPointer {
    guard let wire = plan.wire, let base = staging.bytes.baseAddress else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    let place = base + wire.stagingOffsets[action]
    BFloat16.round(
      block.count, inPlace: memory.floats(block.offset), packing: place.assumingMemoryBound(to: UInt16.self))
    return UnsafeRawBufferPointer(start: place, count: block.count * WirePlan.elementBytes)
  }

  private mutating func completeTransfer(_ slot: Int, _ plan: ExecutionPlan, _ memory: RankMemory) {
    let action = actionOfSlot[slot]
    if let wire = plan.wire, case .receive(let block, _) = plan.schedule.actions[action],
      !wire.isPacked[action]
    {
      BFloat16.expand(block.count, inPlace: memory.floats(block.offset))
    }
    plan.order.complete(action)
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
      let fitting = progress.isBesideWork ? .besideWork : patience
      if polls > fitting.polls { fitting.giveWay() }
    }
  }

  private mutating func prepare(_ plan: ExecutionPlan, _ elementBytes: Int) {
    let schedule = plan.schedule
    workspace.reserve(byteCount: schedule.workspaceCount * elementBytes)
    if let wire = plan.wire { staging.reserve(byteCount: wire.stagingByteCount) }
    let inHand = min(schedule.window, schedule.actions.count)
    if inHand > requests.capacity {
      requests = RequestSet(capacity: inHand)
      actionOfSlot = Array(repeating: 0, count: inHand)
      sums = Array(repeating: 0, count: inHand)
      sumsHead = 0
      sends.reserveCapacity(inHand)
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

  /// Sends become ready in almost the order in which they are to start.
  private mutating func pushSend(_ action: Int) {
    var place = sends.count
    while place > 0, sends[place - 1] < action { place -= 1 }
    sends.insert(action, at: place)
  }
}
