/// Which actions of a schedule may start: those whose dependencies are complete, within the schedule's
/// window.
///
/// The executor and the verifier both ask this, so that what is proved is what runs. Nothing is allocated
/// after `init`.
struct IssueOrder {
  /// The oldest incomplete action.
  private(set) var oldest = 0
  private let count: Int
  private let window: Int

  private let dependents: Dependents
  private let dependencyCounts: [Int32]

  /// Incomplete dependencies of each action; -1 once it is complete itself.
  private var waiting: [Int32]
  /// The actions that may start, first in, first out, in a circle as long as the window.
  private var ready: [Int32]
  private var readyHead = 0
  private var readyCount = 0

  private static let complete: Int32 = -1

  init(_ schedule: Schedule) {
    count = schedule.actions.count
    window = schedule.window
    dependents = Dependents(schedule)
    dependencyCounts = (0..<count).map { Int32(schedule.dependencies(of: $0).count) }
    waiting = dependencyCounts
    ready = [Int32](repeating: 0, count: min(window, count))
    enter(0..<min(window, count))
  }

  /// Back to the start, for another run.
  mutating func reset() {
    for action in 0..<count { waiting[action] = dependencyCounts[action] }
    oldest = 0
    readyHead = 0
    readyCount = 0
    enter(0..<min(window, count))
  }

  /// Whether every action is complete.
  var isDone: Bool { oldest == count }

  /// An action that may start now, or nil when something must complete first. Each action comes once.
  mutating func next() -> Int? {
    guard readyCount > 0 else { return nil }
    let action = ready[readyHead]
    readyHead = readyHead + 1 == ready.count ? 0 : readyHead + 1
    readyCount -= 1
    return Int(action)
  }

  /// Takes note that an action, which `next` gave, is complete.
  mutating func complete(_ action: Int) {
    waiting[action] = Self.complete
    let end = oldest + window
    for place in dependents.places(of: action) {
      let dependent = Int(dependents.list[place])
      waiting[dependent] -= 1
      if waiting[dependent] == 0, dependent < end { append(dependent) }
    }
    while oldest < count, waiting[oldest] == Self.complete { oldest += 1 }
    enter(min(end, count)..<min(oldest + window, count))
  }

  /// Takes those of the actions that have just come into the window and wait for nothing.
  private mutating func enter(_ actions: Range<Int>) {
    for action in actions where waiting[action] == 0 { append(action) }
  }

  private mutating func append(_ action: Int) {
    let place = readyHead + readyCount
    ready[place < ready.count ? place : place - ready.count] = Int32(action)
    readyCount += 1
  }
}
