// What the thread of a rank does.
extension SimulatedRun {
  /// A rank's thread, as the one who runs its schedule.
  struct Thread {
    var sums = ActionLine()
    var completed = ActionLine()
    /// Places in each of them, less one.
    var mask: Int32
    /// The action that it is at, or -1.
    var busyWith: Int32 = -1
    var earlyCount: Int32 = 0
    /// Whether it will look for work by itself.
    var wakes = true
    var end = 0.0
    var sentBytes = 0.0
  }

  mutating func wake(_ rank: Int, _ time: Double) {
    threads[rank].wakes = false
    if threads[rank].busyWith >= 0 {
      let action = Int(threads[rank].busyWith)
      threads[rank].busyWith = -1
      finish(action, rank, time)
    }
    advance(rank, time)
  }

  /// Does all that the rank can do now, until it has to wait or is busy for a while.
  mutating func advance(_ rank: Int, _ time: Double) {
    if threads[rank].wakes { return }
    let free = processors.free(rank)
    if free > time {
      wakeUp(rank, at: free)
      return
    }
    while true {
      if let action = order.next(rank) {
        switch kind(action, rank) {
        case .send:
          if isBusy(rank, with: action, model.senderSecondsPerMessage, time) { return }
        case .receive: startReceive(action, rank, time)
        case .combine: pushSum(action, rank)
        }
      } else if let action = popSum(rank) {
        let bytes = Double(length(action, rank)) * elementBytes
        if isBusy(rank, with: action, bytes / model.reductionBytesPerSecond, time) { return }
      } else if let action = popCompleted(rank) {
        if kind(action, rank) == .send {
          complete(action, rank)
        } else if isBusy(rank, with: action, model.receiverSecondsPerMessage, time) {
          return
        }
      } else {
        break
      }
    }
    if order.isDone(rank, store) { threads[rank].end = time }
  }

  /// Lets a thread work on an action: to start a send, to add, to handle what a receive brought. Gives
  /// whether that takes time; if not, it is done.
  private mutating func isBusy(_ rank: Int, with action: Int, _ seconds: Double, _ time: Double) -> Bool {
    let end = processors.work(seconds, of: rank, from: time).end
    guard end > time else {
      finish(action, rank, time)
      return false
    }
    threads[rank].busyWith = Int32(action)
    wakeUp(rank, at: end)
    return true
  }

  private mutating func finish(_ action: Int, _ rank: Int, _ time: Double) {
    if kind(action, rank) == .send { startSend(action, rank, time) } else { complete(action, rank) }
  }

  private mutating func wakeUp(_ rank: Int, at time: Double) {
    threads[rank].wakes = true
    queues.insert(Event(.wake, at: time, rank: rank), group(rank))
  }

  private mutating func complete(_ action: Int, _ rank: Int) {
    let entered = order.complete(action, rank, store)
    for action in entered {
      var delivery: Delivery = []
      if threads[rank].earlyCount > 0, let known = early.removeValue(forKey: Self.key(rank, action)) {
        threads[rank].earlyCount -= 1
        delivery = known
      }
      deliveries[order.slot(of: action, rank: rank)] = delivery
    }
  }

  // Its two circles: additions that may start, transfers that have completed.

  private mutating func pushSum(_ action: Int, _ rank: Int) {
    sums[order.firstSlot(rank) + threads[rank].sums.append(mask: threads[rank].mask)] = Int32(action)
  }

  private mutating func popSum(_ rank: Int) -> Int? {
    guard let place = threads[rank].sums.removeFirst(mask: threads[rank].mask) else { return nil }
    return Int(sums[order.firstSlot(rank) + place])
  }

  mutating func pushCompleted(_ action: Int, _ rank: Int) {
    completed[order.firstSlot(rank) + threads[rank].completed.append(mask: threads[rank].mask)] = Int32(
      action)
  }

  private mutating func popCompleted(_ rank: Int) -> Int? {
    guard let place = threads[rank].completed.removeFirst(mask: threads[rank].mask) else { return nil }
    return Int(completed[order.firstSlot(rank) + place])
  }
}
