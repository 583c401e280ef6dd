/// The dependencies of a schedule the other way round: which actions wait for an action.
struct Dependents {
  /// The actions that wait for one, action after action; those of each in the order of the schedule: which of several messages goes first is
  /// the algorithm's to say.
  let list: [Int32]
  /// Where in `list` those of each action end.
  private let ends: [Int32]

  init(_ schedule: Schedule) {
    let count = schedule.actions.count
    var ends = [Int32](repeating: 0, count: count)
    for dependency in schedule.dependencyList { ends[Int(dependency)] += 1 }
    // Ends from counts, then filled from the back: each `places[d]` walks from the end of d's range to its start.
    for action in ends.indices.dropFirst() { ends[action] += ends[action - 1] }
    var places = ends
    var list = [Int32](repeating: 0, count: schedule.dependencyList.count)
    for action in (0..<count).reversed() {
      for dependency in schedule.dependencies(of: action) {
        places[Int(dependency)] -= 1
        list[Int(places[Int(dependency)])] = Int32(action)
      }
    }
    (self.list, self.ends) = (list, ends)
  }

  /// Where in `list` the actions are that wait for `action`.
  func places(of action: Int) -> Range<Int> { (action == 0 ? 0 : Int(ends[action - 1]))..<Int(ends[action]) }
}
