import Datasets
import Graph
import Optimizers

extension ReadyMade {
  static func optimizer(_ description: Configuration.Optimizer) -> any Optimizer {
    let (beta1, beta2, epsilon) = (description.beta1, description.beta2, description.epsilon)
    let (momentum, weightDecay) = (description.momentum, description.weightDecay)
    return switch description.kind {
    case .sgd: SGD(momentum: momentum, nesterov: description.nesterov, weightDecay: weightDecay)
    case .rmsprop:
      RMSprop(alpha: description.alpha, epsilon: epsilon, momentum: momentum, weightDecay: weightDecay)
    case .adagrad: Adagrad(epsilon: epsilon, weightDecay: weightDecay)
    case .adam: Adam(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
    case .adamw: AdamW(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
    case .lars:
      LARS(momentum: momentum, weightDecay: weightDecay, trustCoefficient: description.trustCoefficient)
    case .lamb: LAMB(beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay)
    case .lion: Lion(beta1: beta1, beta2: beta2, weightDecay: weightDecay)
    }
  }

  static func schedule(_ description: Configuration.Schedule, totalSteps: Int) -> LearningRateSchedule {
    var schedule = LearningRateSchedule(
      description.kind, warmupSteps: description.warmupSteps, totalSteps: totalSteps)
    schedule.gamma = description.gamma
    schedule.everySteps = description.everySteps ?? schedule.everySteps
    schedule.pctStart = description.pctStart
    schedule.divFactor = description.divFactor
    schedule.finalDivFactor = description.finalDivFactor
    schedule.decayFraction = description.decayFraction
    return schedule
  }

  static func clipping(_ training: Configuration.Training) -> GradientClipping {
    training.clipNorm.map { .norm($0) } ?? training.clipValue.map { .value($0) } ?? .none
  }

  /// The average that is kept beside the weights; nil for none.
  static func average(_ training: Configuration.Training) -> WeightAverage? {
    training.emaDecay.map { WeightAverage(decay: $0) }
  }

  /// - Throws: for a pattern of frozen parameters that fits none of the graph's.
  static func groups(
    _ graph: Graph, _ optimizer: Configuration.Optimizer
  ) throws(ConfigurationError) -> ParameterGroups {
    do {
      return try ParameterGroups(graph, decay: optimizer.decay, frozen: optimizer.frozen)
    } catch {
      var problem = "\(error)"
      if case .noMatch(let pattern, let known) = error,
        let near = Spelling.nearest(to: pattern, among: known)
      {
        problem =
          "no parameter matches \(Quotation.of(pattern)); did you mean \(Quotation.of(near))?"
      }
      throw ConfigurationError("training.optimizer.frozen: \(problem)")
    }
  }
}
