import Datasets
import Graph
import Optimizers
import Testing

@testable import Training

/// What a configuration says of the optimizer is what trains.
@Suite struct ReadyMadeOptimizerTests {
  private func configuration(_ overrides: String...) throws -> Configuration {
    try Configuration(yaml: smallConfiguration, overrides: overrides)
  }

  private func optimizer(_ section: String) throws -> any Optimizer {
    ReadyMade.optimizer(try configuration("training.optimizer=\(section)").training.optimizer)
  }

  @Test(arguments: Configuration.Optimizer.Kind.allCases)
  func everyKindMakesTheOptimizerOfThatName(_ kind: Configuration.Optimizer.Kind) {
    #expect(ReadyMade.optimizer(.init(kind: kind)).name == kind.rawValue)
  }

  @Test func hyperparametersArriveWhereTheyBelong() throws {
    let sgd = try #require(
      try optimizer("{kind: sgd, momentum: 0.1, nesterov: true, weight_decay: 0.2}") as? SGD)
    #expect(sgd.momentum == 0.1 && sgd.nesterov && sgd.weightDecay == 0.2)
    let rmsprop = try #require(
      try optimizer("{kind: rmsprop, alpha: 0.1, epsilon: 0.2, momentum: 0.3, weight_decay: 0.4}") as? RMSprop
    )
    #expect(rmsprop.alpha == 0.1 && rmsprop.epsilon == 0.2)
    #expect(rmsprop.momentum == 0.3 && rmsprop.weightDecay == 0.4)
    let adagrad = try #require(
      try optimizer("{kind: adagrad, epsilon: 0.1, weight_decay: 0.2}") as? Adagrad)
    #expect(adagrad.epsilon == 0.1 && adagrad.weightDecay == 0.2)
    let rest = "beta1: 0.1, beta2: 0.2, epsilon: 0.3, weight_decay: 0.4}"
    let adam = try #require(try optimizer("{kind: adam, \(rest)") as? Adam)
    #expect(adam.beta1 == 0.1 && adam.beta2 == 0.2 && adam.epsilon == 0.3 && adam.weightDecay == 0.4)
    let adamW = try #require(try optimizer("{kind: adamw, \(rest)") as? AdamW)
    #expect(adamW.beta1 == 0.1 && adamW.beta2 == 0.2 && adamW.epsilon == 0.3 && adamW.weightDecay == 0.4)
    let lamb = try #require(try optimizer("{kind: lamb, \(rest)") as? LAMB)
    #expect(lamb.beta1 == 0.1 && lamb.beta2 == 0.2 && lamb.epsilon == 0.3 && lamb.weightDecay == 0.4)
    let lion = try #require(
      try optimizer("{kind: lion, beta1: 0.1, beta2: 0.2, weight_decay: 0.3}") as? Lion)
    #expect(lion.beta1 == 0.1 && lion.beta2 == 0.2 && lion.weightDecay == 0.3)
    let lars = try #require(
      try optimizer("{kind: lars, momentum: 0.1, trust_coefficient: 0.2, weight_decay: 0.3}") as? LARS)
    #expect(lars.momentum == 0.1 && lars.trustCoefficient == 0.2 && lars.weightDecay == 0.3)
  }

  @Test func schedulesArriveToo() throws {
    var expected = LearningRateSchedule(.step, warmupSteps: 2, totalSteps: 50)
    (expected.gamma, expected.everySteps) = (0.5, 7)
    var section = "{kind: step, warmup_steps: 2, gamma: 0.5, every_steps: 7}"
    var training = try configuration("training.schedule=\(section)").training
    #expect(ReadyMade.schedule(training.schedule, totalSteps: 50) == expected)

    expected = LearningRateSchedule(.oneCycle, totalSteps: 50)
    (expected.pctStart, expected.divFactor, expected.finalDivFactor) = (0.4, 5, 6)
    section = "{kind: one-cycle, pct_start: 0.4, div_factor: 5, final_div_factor: 6}"
    training = try configuration("training.schedule=\(section)").training
    #expect(ReadyMade.schedule(training.schedule, totalSteps: 50) == expected)

    expected = LearningRateSchedule(.warmupStableDecay, totalSteps: 50)
    expected.decayFraction = 0.3
    training = try configuration("training.schedule={kind: warmup-stable-decay, decay_fraction: 0.3}")
      .training
    #expect(ReadyMade.schedule(training.schedule, totalSteps: 50) == expected)
  }

  @Test func clippingAndTheAverageAreThereOnlyWhenAskedFor() throws {
    let plain = try configuration().training
    #expect(ReadyMade.clipping(plain) == .none && ReadyMade.average(plain) == nil)
    #expect(ReadyMade.clipping(try configuration("training.clip_norm=0.5").training) == .norm(0.5))
    #expect(ReadyMade.clipping(try configuration("training.clip_value=0.5").training) == .value(0.5))
    #expect(ReadyMade.average(try configuration("training.ema_decay=0.9").training)?.decay == 0.9)
  }

  @Test func aMisspeltParameterIsNamedWithTheNearest() throws {
    func problem(_ frozen: String) throws -> String {
      let configuration = try configuration("training.optimizer.frozen=[\(frozen)]")
      let graph = try Trainer.network(configuration, data: configuration.loadData()).graph
      do {
        let groups = try ReadyMade.groups(graph, configuration.training.optimizer)
        return zip(graph.parameters, groups.isFrozen).filter(\.1).map(\.0.name).joined(separator: " ")
      } catch { return error.description }
    }
    #expect(try problem("hidden.*") == "hidden.0.weight hidden.0.bias")
    #expect(try problem("output.bias") == "output.bias")
    #expect(
      try problem("hiden.0.*")
        == "training.optimizer.frozen: no parameter matches \"hiden.0.*\"; did you mean \"hidden.0.*\"?")
    #expect(
      try problem("output.weights")
        == "training.optimizer.frozen: no parameter matches \"output.weights\"; did you mean \"output.weight\"?"
    )
    #expect(
      try problem("blocks.7.norm.scale")
        == "training.optimizer.frozen: no parameter matches \"blocks.7.norm.scale\"; there are hidden.0.weight, "
        + "hidden.0.bias, output.weight, output.bias")
    #expect(
      try problem("\"*\"")
        == "training.optimizer.frozen: every parameter is frozen, and nothing is left to train")
  }
}
