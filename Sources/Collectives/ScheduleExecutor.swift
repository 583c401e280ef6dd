import MPI

/// What every executor keeps between its calls, and how it runs one: a communicator of its own, schedules by
/// length, workspace, and the account of what was done.
struct ScheduleExecutor: ~Copyable {
  let communicator: Communicator
  let progress: AllreduceProgress
  /// How elements travel. bfloat16 is for elements that are float32, and sums.
  let wire: WireFormat
  /// How long a wait polls before it gives way. Unless it is set, the first call finds what fits the ranks and
  /// cores of the machine.
  var patience: Patience?
  /// Found by the first call that asks.
  private var fittingSegments: Segments?
  private(set) var statistics = AllreduceStatistics()
  private var plans = PlanCache()
  private var runner: ScheduleRunner

  init(
    owning communicator: consuming Communicator, progress: AllreduceProgress, wire: WireFormat = .float32
  ) {
    self.communicator = communicator
    self.wire = wire
    self.progress = progress
    runner = ScheduleRunner(progress: progress)
  }

  /// Begins a call of the user's; gives the time, for `end`.
  mutating func begin() -> Double {
    progress.beginCall()
    statistics.calls += 1
    progress.enter(.working)
    return MPI.wallTime()
  }

  /// What fits one host, or several. Collective the first time; the same on all ranks.
  mutating func segments() throws(MPIError) -> Segments {
    if let fittingSegments { return fittingSegments }
    let most = try communicator.allreduce(communicator.splitByHost().size, .maximum)
    let segments: Segments = most == communicator.size ? .long : .eager
    fittingSegments = segments
    return segments
  }

  /// Ends a call, also one in which MPI did the work. On the way of an error nobody asks any more.
  mutating func end(began: Double, bytesSentByMPI: Int = 0) {
    statistics.bytesSent += bytesSentByMPI
    statistics.secondsWaiting = runner.secondsWaiting
    progress.enter(.idle)
    statistics.seconds += MPI.wallTime() - began
  }

  /// Runs one schedule over the caller's memory, within a call. Not generic: generic code looks its types up at
  /// run time, which would cost a small call more than the call.
  ///
  /// - Parameters:
  ///   - collective: which collective of the executor's, so that each keeps its own schedules.
  ///   - otherPartials: the caller's buffers after the first, where the schedule has more than one.
  ///   - combine: block[i] = operand[i] combined with block[i], for that many elements.
  ///   - schedule: makes the schedule when there is none yet.
  mutating func run(
    _ collective: Collective, over memory: UnsafeMutableRawPointer,
    otherPartials: [UnsafeMutableRawPointer] = [], count: Int, elementBytes: Int,
    combine: (_ operand: UnsafeRawPointer, _ block: UnsafeMutableRawPointer, _ count: Int) -> Void,
    schedule: (_ size: Int, _ rank: Int) -> Schedule
  ) throws(MPIError) {
    let patience: Patience
    if let known = self.patience {
      patience = known
    } else {
      patience = try .fitting(communicator)
      self.patience = patience
    }
    let key = PlanCache.Key(collective: collective, count: count, elementBytes: elementBytes)
    let plan = plans.plan(key, call: statistics.calls) {
      ExecutionPlan(schedule(communicator.size, communicator.rank), wire: wire)
    }
    try runner.run(
      plan, over: memory, otherPartials: otherPartials, elementBytes: elementBytes, call: statistics.calls,
      on: communicator, patience: patience, combine: combine)
    statistics.bytesSent += plan.sentCount * wire.bytes(ofElement: elementBytes)
  }
}

/// The collectives of which one executor may run several.
enum Collective: Hashable {
  case allreduce, reduceScatter, allgather, copy
  case broadcast(root: Int)
}
