/// The steps of pipelined lanes, in the order in which a rank that never waits would take them.
///
/// A lane is a part of the buffer that goes through all steps of an algorithm on its own. Lane s begins `lag`
/// steps after lane s - 1, with the least `lag` for which at most `inFlight` lanes are under way. So the last
/// steps of earlier lanes mix with the first ones of later lanes, and what a lane keeps (workspace, the actions
/// that later steps wait for) can lie in place s modulo `inFlight`.
struct LaneWave: Sequence, IteratorProtocol {
  private let lanes: Int
  private let steps: Int
  private let lag: Int
  private var wave = 0
  private var lane = 0

  init(lanes: Int, steps: Int, inFlight: Int) {
    self.lanes = lanes
    self.steps = steps
    lag = Swift.max(1, (steps + inFlight - 1) / inFlight)
  }

  mutating func next() -> (lane: Int, step: Int)? {
    guard lanes > 0, steps > 0 else { return nil }
    while wave < steps + (lanes - 1) * lag {
      if lane < lanes, lane * lag <= wave {
        defer { lane += 1 }
        return (lane, wave - lane * lag)
      }
      wave += 1
      // The oldest lane that has a step left.
      lane = Swift.max(0, (wave - steps + lag) / lag)
    }
    return nil
  }
}
