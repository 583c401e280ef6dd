import Foundation
import Testing

@testable import Optimizers

@Suite struct ScheduleTests {
  private typealias Kind = LearningRateSchedule.Kind

  @Test(arguments: Kind.allCases.filter { $0 != .oneCycle })
  func theFactorRisesInAStraightLineOverTheWarmUp(_ kind: LearningRateSchedule.Kind) {
    let schedule = LearningRateSchedule(kind, warmupSteps: 4, totalSteps: 104)
    for step in 0..<4 { #expect(schedule.factor(step: step) == Double(step + 1) / 5) }
    #expect(schedule.factor(step: 4) == 1)
  }

  @Test func theFactorFallsByItsFormula() {
    func factors(_ kind: Kind) -> [Double] {
      var schedule = LearningRateSchedule(kind, warmupSteps: 4, totalSteps: 104)
      schedule.gamma = 0.5
      schedule.everySteps = 30
      return (0...104).map(schedule.factor)
    }
    for step in 4...104 {
      let x = Double(step - 4) / 100
      #expect(factors(.constant)[step] == 1)
      #expect(abs(factors(.linear)[step] - (1 - x)) < 1e-12)
      #expect(abs(factors(.cosine)[step] - pow(cos(.pi * x / 2), 2)) < 1e-12)
      #expect(factors(.step)[step] == [1, 0.5, 0.25, 0.125][(step - 4) / 30])
      #expect(
        abs(factors(.warmupStableDecay)[step] - (step < 84 ? 1 : Double(104 - step) / 20.8)) < 1e-12
          || step == 83)
    }
  }

  @Test func aStableStretchEndsWhereItsDecayBegins() {
    var schedule = LearningRateSchedule(.warmupStableDecay, totalSteps: 50)
    #expect((0...40).allSatisfy { schedule.factor(step: $0) == 1 })
    #expect((40...50).map(schedule.factor) == (0...10).map { Double(10 - $0) / 10 })
    // A warm-up that leaves less than the decay asks for is followed by the decay at once, without a jump.
    schedule.warmupSteps = 45
    #expect((45...50).map(schedule.factor) == (0...5).map { Double(5 - $0) / 5 })
    schedule.decayFraction = 1
    schedule.warmupSteps = 0
    let linear = LearningRateSchedule(.linear, totalSteps: 50)
    for step in 0...50 { #expect(abs(schedule.factor(step: step) - linear.factor(step: step)) < 1e-12) }
  }

  @Test(arguments: [0, 1, 7, 20]) func aCycleRisesToItsPeakAndEndsFarBelowItsStart(_ warmupSteps: Int) {
    var schedule = LearningRateSchedule(.oneCycle, warmupSteps: warmupSteps, totalSteps: 20)
    schedule.divFactor = 10
    schedule.finalDivFactor = 100
    let factors = (0..<20).map(schedule.factor)
    let peak = factors.indices.max { factors[$0] < factors[$1] } ?? 0
    #expect(peak == (warmupSteps > 0 ? warmupSteps - 1 : 5))
    #expect(factors[peak] == 1)
    if peak > 0 { #expect(abs(factors[0] - 0.1) < 1e-12) }
    if peak < 19 { #expect(abs(factors[19] - 0.001) < 1e-12) }
    #expect(zip(factors[...peak], factors[...peak].dropFirst()).allSatisfy { $0 < $1 })
    #expect(zip(factors[peak...], factors[peak...].dropFirst()).allSatisfy { $0 > $1 })
  }

  @Test(arguments: Kind.allCases) func noRunIsTooShortOrTooLong(_ kind: LearningRateSchedule.Kind) {
    for total in [0, 1, 2, 3] {
      for warmupSteps in 0...total {
        let schedule = LearningRateSchedule(kind, warmupSteps: warmupSteps, totalSteps: total)
        for step in 0...total + 2 {
          let factor = schedule.factor(step: step)
          #expect(factor >= 0 && factor <= 1, "\(kind), step \(step) of \(total), warm-up \(warmupSteps)")
        }
      }
    }
  }
}
