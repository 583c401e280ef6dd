/// The plans of the latest calls, by collective, length and element size.
struct PlanCache {
  /// A training run has a few bucket lengths. A caller with ever new lengths must not fill the memory.
  static let capacity = 64

  struct Key: Hashable {
    let collective: Collective
    let count: Int
    let elementBytes: Int
  }
  private var plans: [Key: ExecutionPlan] = [:]

  /// The plan for that call, made by `make` when there is none yet. `call` says which plan was used
  /// last.
  mutating func plan(_ key: Key, call: Int, make: () -> ExecutionPlan) -> ExecutionPlan {
    if let plan = plans[key] {
      plan.lastCall = call
      return plan
    }
    if plans.count == Self.capacity, let oldest = plans.min(by: { $0.value.lastCall < $1.value.lastCall }) {
      plans[oldest.key] = nil
    }
    let plan = make()
    plan.lastCall = call
    plans[key] = plan
    return plan
  }
}
