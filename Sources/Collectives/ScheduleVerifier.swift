/// Proves a collective algorithm's schedules right, for one size and count, without running them on data.
///
/// All ranks' schedules are run together symbolically: memory holds not numbers but which contributions were
/// added in which order. It is proved that
///
/// - no timing changes the result: conflicting actions of a rank are ordered by its dependencies;
/// - there is no deadlock, whether sends wait for their receives or are buffered (and so for any mixture of
///   the two: a message buffered earlier only lets more go on);
/// - every element of every rank's result has every contribution to that element that it should have, in an
///   allreduce every rank's, exactly once;
/// - all ranks that get an element add it in the same order, so they get the same bits, and it is the order
///   that the algorithm states;
/// - elements sent, received and added, messages and rounds are what the algorithm's formula says.
///
/// With bfloat16 on the wire a send rounds, which the proofs then take into account: additions are ordered
/// against sends of the same elements, and all ranks round the same partial sums.
public enum ScheduleVerifier {
  /// What was found.
  public struct Report: Sendable {
    /// What is wrong; empty when all is proved.
    public var findings: [Finding] = []
    /// What each rank's schedule costs, as counted.
    public var costs: [ScheduleCost] = []
    /// The most roundings of partial sums that a contribution passes through on its way into any rank's
    /// result: 0 with float32 on the wire.
    public var roundings = 0
  }

  /// Verifies the algorithm's own schedules.
  public static func verify(
    _ algorithm: some ScheduledCollective, size: Int, count: Int, wire: WireFormat = .float32
  ) -> Report {
    let schedules = (0..<size).map { algorithm.schedule(size: size, rank: $0, count: count) }
    return verify(schedules, as: algorithm, wire: wire)
  }

  /// Verifies schedules, one for each rank, against what `algorithm` promises.
  public static func verify(
    _ schedules: [Schedule], as algorithm: some ScheduledCollective, wire: WireFormat = .float32
  ) -> Report {
    var report = Report()
    let contract = algorithm.contract(size: schedules.count, count: schedules[0].count)
    report.findings = schedules.enumerated().flatMap { rank, schedule in
      malformed(schedule, rank: rank, size: schedules.count, count: schedules[0].count, contract)
    }
    // What follows relies on blocks and peers that exist, and on both ends of a message agreeing on its
    // length.
    guard report.findings.isEmpty else { return report }
    let matching = MessageMatching(schedules)
    report.findings = matching.findings
    for schedule in schedules { report.findings += RaceCheck.findings(in: schedule, wire: wire) }
    guard report.findings.isEmpty else { return report }

    var eager = SymbolicRun(schedules, matching, .eager, contract: contract, followsValues: false)
    eager.run()
    var run = SymbolicRun(
      schedules, matching, .rendezvous, contract: contract, followsValues: true, wire: wire)
    run.run()
    report.findings += eager.findings + run.findings
    guard report.findings.isEmpty, let memories = run.memories else { return report }

    report.roundings = run.roundings
    let result = ResultCheck(
      memories: memories, contract: contract, count: schedules[0].count, sums: run.sums)
    report.findings += result.findings()
    for schedule in schedules {
      let cost = schedule.cost(rounds: result.rounds(ofRank: schedule.rank))
      report.costs.append(cost)
      let stated = algorithm.cost(size: schedule.size, rank: schedule.rank, count: schedule.count)
      if cost != stated {
        report.findings.append(.costDiffers(rank: schedule.rank, cost: cost, stated: stated))
      }
    }
    return report
  }

  /// What can be said of a schedule alone.
  private static func malformed(
    _ schedule: Schedule, rank: Int, size: Int, count: Int, _ contract: CollectiveContract
  ) -> [Finding] {
    guard schedule.rank == rank, schedule.size == size, schedule.count == count,
      contract.before[rank].allSatisfy({ $0.range.upperBound <= schedule.bufferCount })
    else {
      return [.wrongPlace(rank: rank)]
    }
    func isInside(_ range: Range<Int>) -> Bool {
      let memory = schedule.bufferCount + schedule.workspaceCount
      guard range.lowerBound >= 0, range.upperBound <= memory else { return false }
      // In one buffer: none begins behind the block's first element and before its last.
      return range.lowerBound >= schedule.bufferCount
        || range.upperBound <= (range.lowerBound / schedule.count + 1) * schedule.count
    }
    var findings: [Finding] = []
    for (index, action) in schedule.actions.enumerated() {
      let place = schedule.place(index)
      switch action {
      case .send(let block, let peer), .receive(let block, let peer):
        if !isInside(block.range) { findings.append(.outOfBounds(place)) }
        if !(0..<size).contains(Int(peer)) || Int(peer) == rank { findings.append(.wrongPeer(place)) }
      case .combine(let operand, _, let block):
        let operands = Int(operand)..<Int(operand) + block.count
        if !isInside(block.range) || !isInside(operands) { findings.append(.outOfBounds(place)) }
        if block.range.overlaps(operands) { findings.append(.operandOverlaps(place)) }
      }
    }
    return findings
  }
}

extension Schedule {
  /// What the schedule costs, counted action by action.
  func cost(rounds: Int) -> ScheduleCost {
    var cost = ScheduleCost(rounds: rounds)
    for action in actions {
      switch action {
      case .send(let block, _):
        cost.sent += block.count
        cost.messages += 1
      case .receive(let block, _): cost.received += block.count
      case .combine(_, _, let block): cost.added += block.count
      }
    }
    return cost
  }
}
