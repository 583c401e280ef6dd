/// What a schedule needs, beyond its actions, to run with bfloat16 on the wire. Found once for all runs.
struct WirePlan {
  /// Bytes of the staging memory, which holds the sends in hand.
  let stagingByteCount: Int
  /// For each send, where its packed elements lie in it.
  let stagingOffsets: [Int]
  /// For each receive, whether its elements stay as they arrive, packed in the last half of their block; for
  /// each addition, whether that is what it finds its operand as.
  let isPacked: [Bool]
  /// What no rank has rounded when all actions are complete.
  let unroundedResult: [Range<Int>]

  init(_ schedule: Schedule) {
    (stagingByteCount, stagingOffsets) = Self.staging(schedule)
    isPacked = Self.packed(schedule)
    unroundedResult = Self.unrounded(schedule)
  }

  /// Bytes of a packed element.
  static let elementBytes = MemoryLayout<UInt16>.stride

  /// Each send has a place of its own in a circle. A send starts only when it is less than a window behind the
  /// oldest incomplete action, so what it may overwrite are sends a window or more before it: the circle is as
  /// long as the most bytes within a window. One more block makes up for what is left unused at its end, since
  /// blocks are not cut.
  private static func staging(_ schedule: Schedule) -> (byteCount: Int, offsets: [Int]) {
    /// In cache lines, so that no two blocks share one.
    func bytes(_ action: Int) -> Int {
      guard case .send(let block, _) = schedule.actions[action] else { return 0 }
      return (block.count * elementBytes + 63) / 64 * 64
    }
    var total = 0
    var inWindow = 0
    var most = 0
    var longest = 0
    for action in schedule.actions.indices {
      inWindow += bytes(action)
      if action >= schedule.window { inWindow -= bytes(action - schedule.window) }
      total += bytes(action)
      most = max(most, inWindow)
      longest = max(longest, bytes(action))
    }
    let circle = min(total, most + longest)
    var offsets = [Int](repeating: 0, count: schedule.actions.count)
    var end = 0
    for action in schedule.actions.indices where bytes(action) > 0 {
      if end + bytes(action) > circle { end = 0 }
      offsets[action] = end
      end += bytes(action)
    }
    return (circle, offsets)
  }

  /// What is received into workspace only to be added as a whole is not expanded first: the addition does it.
  private static func packed(_ schedule: Schedule) -> [Bool] {
    var isPacked = [Bool](repeating: false, count: schedule.actions.count)
    /// The receive that fills the operand of an addition.
    var source: [Int: Int] = [:]
    /// Receives whose blocks nothing has been written over.
    var filled: [(receive: Int, block: Range<Int>)] = []
    /// Ends the stay of elements as they arrived, where they are used otherwise.
    func expand(_ range: Range<Int>, unless isWhole: (Int, Range<Int>) -> Bool) {
      filled.removeAll { receive, block in
        guard block.overlaps(range), !isWhole(receive, block) else { return false }
        isPacked[receive] = false
        return true
      }
    }
    for (index, action) in schedule.actions.enumerated() {
      switch action {
      case .send(let block, _): expand(block.range) { _, _ in false }
      case .receive(let block, _):
        // A block that is received into anew has served its time.
        filled.removeAll { $0.block == block.range }
        expand(block.range) { _, _ in false }
        if block.offset >= schedule.bufferCount, block.count > 0 {
          isPacked[index] = true
          filled.append((index, block.range))
        }
      case .combine(let operand, _, let block):
        expand(block.range) { _, _ in false }
        let operands = Int(operand)..<Int(operand) + block.count
        expand(operands) { receive, filled in
          if filled == operands { source[index] = receive }
          return filled == operands
        }
      }
    }
    for (sum, receive) in source { isPacked[sum] = isPacked[receive] }
    return isPacked
  }

  /// Sends and receives leave bfloat16 values, additions do not.
  private static func unrounded(_ schedule: Schedule) -> [Range<Int>] {
    // One rank sends nothing, and keeps what it has.
    guard schedule.size > 1 else { return [] }
    var isRounded = IntervalMap(count: schedule.bufferCount + schedule.workspaceCount, repeating: false)
    for action in schedule.actions {
      switch action {
      case .send(let block, _), .receive(let block, _): isRounded.set(true, in: block.range)
      case .combine(_, _, let block): isRounded.set(false, in: block.range)
      }
    }
    var ranges: [Range<Int>] = []
    isRounded.forEach(in: 0..<schedule.count) { elements, isRounded in
      guard !isRounded else { return }
      if let last = ranges.last, last.upperBound == elements.lowerBound {
        ranges[ranges.count - 1] = last.lowerBound..<elements.upperBound
      } else {
        ranges.append(elements)
      }
    }
    return ranges
  }
}
