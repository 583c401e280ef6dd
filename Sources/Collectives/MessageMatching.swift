/// Which send fills which receive: the k-th send from a to b the k-th receive at b from a.
struct MessageMatching {
  /// For each rank and action the index of the other end's action, -1 for additions and where there is no
  /// other end.
  let partners: [[Int32]]
  private(set) var findings: [Finding] = []

  static let nobody: Int32 = -1

  /// All schedules must name existing peers.
  init(_ schedules: [Schedule]) {
    var partners = schedules.map { [Int32](repeating: Self.nobody, count: $0.actions.count) }
    // The sends between two ranks in their order, and how many of them receives have taken.
    struct Channel {
      var sends: [Int32] = []
      var taken = 0
    }
    var channels: [Int: Channel] = [:]
    let size = schedules.count
    for (rank, schedule) in schedules.enumerated() {
      for (index, action) in schedule.actions.enumerated() {
        if case .send(_, let peer) = action {
          channels[rank * size + Int(peer), default: Channel()].sends.append(Int32(index))
        }
      }
    }
    for (rank, schedule) in schedules.enumerated() {
      for (index, action) in schedule.actions.enumerated() {
        guard case .receive(let block, let peer) = action else { continue }
        let sender = Int(peer)
        let taken = channels[sender * size + rank]?.taken ?? 0
        guard let sends = channels[sender * size + rank]?.sends, taken < sends.count else {
          findings.append(.unmatchedReceive(schedule.place(index)))
          continue
        }
        channels[sender * size + rank]?.taken += 1
        let send = Int(sends[taken])
        partners[rank][index] = sends[taken]
        partners[sender][send] = Int32(index)
        if case .send(let sent, _) = schedules[sender].actions[send], sent.count != block.count {
          findings.append(
            .lengthMismatch(sent: schedules[sender].place(send), received: schedule.place(index)))
        }
      }
    }
    for schedule in schedules {
      for (index, action) in schedule.actions.enumerated() {
        if case .send = action, partners[schedule.rank][index] == Self.nobody {
          findings.append(.unmatchedSend(schedule.place(index)))
        }
      }
    }
    self.partners = partners
  }
}
