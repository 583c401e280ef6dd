/// Proves that a rank's result does not depend on timing: every two actions that touch the same elements and
/// do not commute are ordered by dependencies. Transfers touch their block from start to completion, and a
/// dependency waits for completion, so ordered actions never overlap in time.
struct RaceCheck {
  private let schedule: Schedule
  private var accesses: IntervalMap<Access>
  /// Lists of actions, each link pointing to the one before it. Lists only grow at the front, so runs that
  /// are cut share them.
  private var links: [(action: Int32, next: Int32)] = []
  private(set) var findings: [Finding] = []

  // Marks of the search for a path, by action; a mark counts if it equals the search's number.
  private var marks: [Int32]
  private var searches: Int32 = 0

  /// What an action does to elements. Reads commute with reads, roundings with roundings.
  private enum Kind {
    case read, write
    /// Writes the same values whoever does it and however often.
    case round
  }

  /// Who touched a run of elements last.
  private struct Access {
    var kind = Kind.write
    /// The latest actions that commute with each other, and those before them, after all of which the latest
    /// come: heads of lists in `links`.
    var latest = nothing
    var before = nothing
  }

  private static let nothing: Int32 = -1

  /// The schedule's blocks must lie inside its memory.
  ///
  /// - Parameter wire: with bfloat16 a send rounds its block, so that an addition which reads or writes the
  ///   block, too, has to come before it or after it.
  static func findings(in schedule: Schedule, wire: WireFormat) -> [Finding] {
    var check = RaceCheck(schedule)
    for (index, action) in schedule.actions.enumerated() {
      switch action {
      case .send(let block, _): check.touch(block.range, wire == .float32 ? .read : .round, by: index)
      case .receive(let block, _): check.touch(block.range, .write, by: index)
      case .combine(let operand, _, let block):
        check.touch(Int(operand)..<Int(operand) + block.count, .read, by: index)
        check.touch(block.range, .write, by: index)
      }
    }
    return check.findings
  }

  private init(_ schedule: Schedule) {
    self.schedule = schedule
    accesses = IntervalMap(count: schedule.bufferCount + schedule.workspaceCount, repeating: Access())
    marks = [Int32](repeating: 0, count: schedule.actions.count)
  }

  private mutating func touch(_ range: Range<Int>, _ kind: Kind, by action: Int) {
    for run in accesses.cut(range) {
      var access = accesses[run]
      if kind == .write || kind != access.kind {
        access = Access(kind: kind, latest: Self.nothing, before: access.latest)
      }
      // Actions further back come before those in `before`, and so before this one.
      var link = access.before
      while link != Self.nothing {
        require(links[Int(link)].action, before: action, accesses.elements(ofRun: run))
        link = links[Int(link)].next
      }
      links.append((Int32(action), next: access.latest))
      access.latest = Int32(links.count - 1)
      accesses[run] = access
    }
  }

  private mutating func require(_ earlier: Int32, before later: Int, _ elements: Range<Int>) {
    guard !isOrdered(earlier, before: later) else { return }
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
