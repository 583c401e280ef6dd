import BLAS

/// Replays a graph over arenas that were planned once: a step reserves no memory for data.
///
/// Not thread-safe: one executor, one calling thread; the pool's threads work inside the calls.
public final class Executor {
  public let graph: Graph
  /// Values of all parameters, each in its `Graph.Parameter.range`.
  public let parameters: Arena
  /// Gradients, laid out as the parameters; nil for an executor that only evaluates.
  public var gradients: Arena? { gradientArenas.first }
  /// Where backward can write them: several arenas where the gradients of microbatches are kept apart.
  public let gradientArenas: [Arena]
  /// Key of all random draws.
  public let seed: UInt64
  /// Collects the time of each operation while it is set.
  public var profile: OperationProfile?

  private let pool: ThreadPool
  let activations: Arena
  private var training: [BoundNode] = []
  private var inference: [BoundNode] = []
  /// For each gradient arena the nodes in the order of the trace, as backward sees them when it writes, and when it adds whole gradients.
  private var differentiated: [[BoundNode]] = []
  private var adding: [[BoundNode]] = []
  private let staging: GradientStaging?
  private let trainingPlan: MemoryPlan?
  private let inferencePlan: MemoryPlan
  private let lossGradient: UnsafeMutableBufferPointer<Float>?
  private var wasTraining = false
  private var random: RandomState

  /// - Parameters:
  ///   - parameters: of `graph.arenaCount` elements, used as they are; allocated and initialised from the seed if nil.
  ///   - gradients: of `graph.arenaCount` elements; allocated if nil and the graph has a loss.
  public convenience init(
    _ graph: Graph, pool: ThreadPool, seed: UInt64, parameters: Arena? = nil, gradients: Arena? = nil
  ) {
    self.init(
      graph, pool: pool, seed: seed, parameters: parameters, gradients: gradients.map { [$0] } ?? [],
      reuse: true)
  }

  /// - Parameters:
  ///   - gradients: as many as backward is to choose from, for a graph with a loss.
  ///   - addsWhole: whether backward may be asked for `GradientMode.addsWhole`.
  package convenience init(
    _ graph: Graph, pool: ThreadPool, seed: UInt64, parameters: Arena, gradients: [Arena],
    addsWhole: Bool = false
  ) {
    self.init(
      graph, pool: pool, seed: seed, parameters: parameters, gradients: gradients, addsWhole: addsWhole,
      reuse: true)
  }

  /// - Parameter reuse: false gives every buffer memory of its own: the oracle of the memory plan's tests.
  init(
    _ graph: Graph, pool: ThreadPool, seed: UInt64, parameters: Arena? = nil, gradients: [Arena] = [],
    addsWhole: Bool = false, reuse: Bool
  ) {
    precondition(
      (parameters?.count ?? graph.arenaCount) >= graph.arenaCount
        && gradients.allSatisfy { $0.count >= graph.arenaCount },
      "Executor: expected arenas of \(graph.arenaCount) elements")
    self.graph = graph
    self.pool = pool
    self.seed = seed
    self.parameters = parameters ?? Self.initialized(graph, seed)
    gradientArenas =
      graph.loss == nil ? [] : gradients.isEmpty ? [Arena(count: graph.arenaCount)] : gradients
    inferencePlan = MemoryPlan(graph, training: false, reuse: reuse)
    trainingPlan = graph.loss == nil ? nil : MemoryPlan(graph, training: true, reuse: reuse)
    let activations = Arena(count: max(inferencePlan.arenaCount, trainingPlan?.arenaCount ?? 0))
    self.activations = activations
    lossGradient = trainingPlan.flatMap { plan in
      graph.loss.map {
        UnsafeMutableBufferPointer(
          start: activations.base + plan.offset(plan.ofGradient[$0]), count: graph.values[$0].shape.count)
      }
    }
    staging = addsWhole && graph.loss != nil ? GradientStaging(graph, threads: pool.threads) : nil
    random = RandomState(
      seed: seed, position: Position(step: 0, firstSample: 0), microbatch: graph.microbatch)
    bind()
  }

  /// Computes the addresses of everything that the operations touch.
  private func bind() {
    let watermarks = Self.watermarks(graph)
    func bound(
      _ index: Int, _ plan: MemoryPlan, _ pass: BoundNode.Pass, _ gradients: Arena?,
      _ staging: GradientStaging? = nil
    ) -> BoundNode {
      BoundNode(
        index, of: graph, plan: plan, pass: pass, activations: activations, parameters: parameters,
        gradients: gradients, staging: staging, watermark: watermarks[index])
    }
    inference = graph.nodes.indices.map { bound($0, inferencePlan, .first, nil) }
    training = []
    differentiated = []
    guard let trainingPlan, !gradientArenas.isEmpty else { return }
    training = graph.nodes.indices.map { bound($0, trainingPlan, .first, gradientArenas[0]) }
    differentiated = gradientArenas.enumerated().map { number, gradients in
      training.map { node in
        let isAgain = graph.nodes[node.index].block != nil
        return number == 0 && !isAgain
          ? node : bound(node.index, trainingPlan, isAgain ? .again : .first, gradients)
      }
    }
    guard let staging else { return }
    adding = gradientArenas.map { gradients in
      training.map { node in
        let isAgain = graph.nodes[node.index].block != nil
        return bound(node.index, trainingPlan, isAgain ? .again : .first, gradients, staging)
      }
    }
  }

  /// Elements of the activation arena that an executor of this graph allocates.
  public static func activationCount(_ graph: Graph) -> Int {
    max(
      MemoryPlan(graph, training: false).arenaCount,
      graph.loss == nil ? 0 : MemoryPlan(graph, training: true).arenaCount)
  }

  /// Elements that an executor of this graph allocates to add whole gradients, for those that are staged and for each thread.
  package static func stagedCount(_ graph: Graph) -> (gradients: Int, scratch: Int) {
    let needs = GradientStaging.needs(graph)
    return (needs.count, needs.scratch)
  }

  /// Bytes of the activation arena: values, their gradients, saved buffers and scratch.
  public var activationBytes: Int { activations.count * MemoryLayout<Float>.stride }

  /// Runs all operations in the order of the trace.
  ///
  /// - Parameters:
  ///   - training: keeps what backward needs and lets dropout draw.
  ///   - position: where this microbatch stands; fixes the random draws.
  public func forward(training isTraining: Bool, at position: Position = .init(step: 0, firstSample: 0)) {
    precondition(
      !isTraining || !gradientArenas.isEmpty,
      "Executor.forward: there is no loss to train on, or no gradients any more")
    wasTraining = isTraining
    random = RandomState(seed: seed, position: position, microbatch: graph.microbatch)
    for node in isTraining ? training : inference { forward(node, isTraining) }
  }

  private func forward(_ node: BoundNode, _ isTraining: Bool) {
    if node.operation.isView { return }
    let began = profile?.now() ?? 0
    node.operation.forward(
      ForwardContext(node: node, pool: pool, isTraining: isTraining, random: random))
    profile?.add(node.index, .forward, since: began)
  }

  /// Numbers of the loss.
  private var lossCount: Int { graph.loss.map { graph.values[$0].shape.count } ?? 0 }

  /// As the other, in a mode that adds in any order or overwrites.
  ///
  /// - Parameter accumulates: adds to the gradient arena; false overwrites it.
  public func backward(
    scale: Float, into arena: Int = 0, accumulates: Bool,
    watermark: (_ offset: Int, _ readsParameters: Bool) -> Void = { _, _ in }
  ) {
    backward(
      scale: scale, into: arena, mode: accumulates ? .accumulates : .overwrites, watermark: watermark)
  }

  /// Computes the gradient of `scale` × the sum of the losses of the last training forward pass.
  ///
  /// - Parameters:
  ///   - scale: 1 / the losses of the global batch makes the sum over all microbatches the gradient of the mean loss.
  ///   - arena: which of the gradient arenas.
  ///   - mode: what becomes of what the arena holds.
  ///   - watermark: called with an offset of the gradient arena: all gradients at and above it are final for this pass. Offsets never
  ///     rise; the last is 0. Called after each operation, and by some operations in their midst: the second argument says whether
  ///     values of parameters above the offset may still be read in this pass.
  package func backward(
    scale: Float, into arena: Int, mode: GradientMode,
    watermark: (_ offset: Int, _ readsParameters: Bool) -> Void = { _, _ in }
  ) {
    precondition(wasTraining, "Executor.backward: expected a training forward pass before it")
    precondition(
      mode != .addsWhole || staging != nil,
      "Executor.backward: expected an executor that adds whole gradients")
    wasTraining = false
    lossGradient?.update(repeating: scale)
    let staging = mode == .addsWhole ? staging : nil
    staging?.begin()
    func reached(_ offset: Int, _ readsParameters: Bool) {
      staging?.add(from: offset, to: gradientArenas[arena], on: pool)
      watermark(offset, readsParameters)
    }
    func parametersAreDone(_ offset: Int) { reached(offset, true) }
    BorrowedClosure.lending(parametersAreDone) { parametersAreDone in
      let nodes = staging == nil ? differentiated[arena] : adding[arena]
      for index in nodes.indices.reversed() {
        let node = nodes[index]
        if let block = graph.nodes[index].block, index == graph.blocks[block].upperBound - 1 {
          for node in nodes[graph.blocks[block]] where node.isComputedAgain { forward(node, true) }
        }
        if node.hasBackward { differentiate(node, scale, mode, parametersAreDone) }
        reached(node.watermark, false)
      }
    }
  }

  private func differentiate(
    _ node: BoundNode, _ scale: Float, _ mode: GradientMode, _ parametersAreDone: BorrowedClosure
  ) {
    let began = profile?.now() ?? 0
    let context = BackwardContext(
      node: node, pool: pool, random: random, mode: mode, scratch: staging?.scratch,
      microbatchShare: scale * Float(lossCount), parametersAreDone: parametersAreDone)
    if node.operation.isView { context.passGradientThroughView() } else { node.operation.backward(context) }
    profile?.add(node.index, .backward, since: began)
  }

  func plan(_ training: Bool) -> MemoryPlan {
    training ? trainingPlan ?? inferencePlan : inferencePlan
  }

  private static func initialized(_ graph: Graph, _ seed: UInt64) -> Arena {
    let arena = Arena(count: graph.arenaCount)
    graph.initialize(arena, seed: seed)
    return arena
  }

  /// For each node, the offset above which gradients are final after its backward: where the last parameter begins that an
  /// earlier node still has to add to.
  private static func watermarks(_ graph: Graph) -> [Int] {
    var earliestUse = [Int](repeating: .max, count: graph.parameters.count)
    for (index, node) in graph.nodes.enumerated().reversed() {
      for input in node.inputs {
        if case .parameter(let number) = graph.values[input].source { earliestUse[number] = index }
      }
    }
    return graph.nodes.indices.map { index in
      let open = zip(graph.parameters, earliestUse).filter { $0.1 < index && $0.1 != .max }
      return open.map { Arena.aligned($0.0.range.upperBound) }.max() ?? 0
    }
  }
}
