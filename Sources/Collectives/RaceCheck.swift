/// Proves that a rank's result does not depend on timing: every two actions that touch the same elements, at
/// least one of them writing, are ordered by dependencies. Transfers touch their block from start to
/// completion, and a dependency waits for completion, so ordered actions never overlap in time.
struct RaceCheck {
  private let schedule: Schedule
  private var accesses: IntervalMap<Access>
  /// Lists of readers, each link pointing to the one before it. Lists only grow at the front, so runs that
  /// are cut share them.
  private var readers: [(action: Int32, next: Int32)] = []
  private(set) var findings: [Finding] = []

  // Marks of the search for a path, by action; a mark counts if it equals the search's number.
  private var marks: [Int32]
  private var searches: Int32 = 0

  /// Who touched a run of elements last.
  private struct Access {
    var writer = nothing
    /// The readers since then: an index into `readers`.
    var reader = nothing
  }

  private static let nothing: Int32 = -1

  /// The schedule's blocks must lie inside its memory.
  static func findings(in schedule: Schedule) -> [Finding] {
    var check = RaceCheck(schedule)
    for (index, action) in schedule.actions.enumerated() {
      switch action {
      case .send(let block, _): check.read(block.range, by: index)
      case .receive(let block, _): check.write(block.range, by: index)
      case .combine(let operand, _, let block):
        check.read(Int(operand)..<Int(operand) + block.count, by: index)
        check.write(block.range, by: index)
      }
    }
    return check.findings
  }

  private init(_ schedule: Schedule) {
    self.schedule = schedule
    accesses = IntervalMap(count: schedule.bufferCount + schedule.workspaceCount, repeating: Access())
    marks = [Int32](repeating: 0, count: schedule.actions.count)
  }

  private mutating func read(_ range: Range<Int>, by action: Int) {
    for run in accesses.cut(range) {
      require(accesses[run].writer, before: action, accesses.elements(ofRun: run))
      readers.append((Int32(action), next: accesses[run].reader))
      accesses[run].reader = Int32(readers.count - 1)
    }
  }

  private mutating func write(_ range: Range<Int>, by action: Int) {
    for run in accesses.cut(range) {
      let elements = accesses.elements(ofRun: run)
      var link = accesses[run].reader
      // Readers were required to come after the writer, so coming after a reader is enough.
      if link == Self.nothing { require(accesses[run].writer, before: action, elements) }
      while link != Self.nothing {
        require(readers[Int(link)].action, before: action, elements)
        link = readers[Int(link)].next
      }
      accesses[run] = Access(writer: Int32(action))
    }
  }

  private mutating func require(_ earlier: Int32, before later: Int, _ elements: Range<Int>) {
    guard earlier != Self.nothing, !isOrdered(earlier, before: later) else { return }
    findings.append(
      .race(earlier: schedule.place(Int(earlier)), later: schedule.place(later), elements: elements))
  }

  /// Whether a path of dependencies leads from `later` back to `earlier`.
  private mutating func isOrdered(_ earlier: Int32, before later: Int) -> Bool {
    if schedule.dependencies(of: later).contains(earlier) { return true }
    searches += 1
    var open = [Int32(later)]
    while let action = open.popLast() {
      for dependency in schedule.dependencies(of: Int(action)) where dependency >= earlier {
        if dependency == earlier { return true }
        if marks[Int(dependency)] != searches {
          marks[Int(dependency)] = searches
          open.append(dependency)
        }
      }
    }
    return false
  }
}

extension Schedule {
  package func place(_ action: Int) -> ActionPlace {
    ActionPlace(rank: rank, index: action, action: actions[action])
  }
}
