/// Watches the events of a group that stands for all others: whether they come in the same order in every group.
///
/// Of two events of one kind at one moment the lower rank's is first. For messages that come from different groups, some turns
/// of the ranks put the one first, some the other.
struct FoldedOrder {
  /// By kind.
  private var last = [(time: Double, origin: Int)](repeating: (-1, 0), count: Event.Kind.allCases.count)

  /// Takes an event, which comes from `origin` groups on; gives whether it cannot be mistaken for another one's.
  mutating func isClear(_ event: Event, from origin: Int) -> Bool {
    let kind = Int(event.kind.rawValue)
    let isClear = last[kind].time != event.time || last[kind].origin == origin
    last[kind] = (event.time, origin)
    return isClear
  }
}

extension NetworkModel {
  /// Ranks that affect each other at once: of a node, or of a machine whose cores they share.
  func groupSize(ranks: Int) -> Int {
    max(1, min(sharesCores(ranks: ranks) ? ranksPerMachine : ranksPerNode, ranks))
  }

  /// Ranks of one group, when it can stand for all: all groups are alike, and begin at one time.
  func foldedSeats(_ store: ScheduleStore) -> Int? {
    let seats = groupSize(ranks: store.size)
    guard store.isSymmetric, skewSeconds == 0, latencySeconds > 0, seats < store.size,
      store.size % seats == 0,
      store.symmetry == .rotation || seats & (seats - 1) == 0
    else { return nil }
    return seats
  }
}
