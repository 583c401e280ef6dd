/// Sums in shared memory, which are no messages: formulas for them, and for what two levels make of both.
extension Simulator {
  /// The seconds of ``SharedAllreduce`` on one node: every element of every buffer is read once and written once, which its ranks
  /// share, between two rendezvous.
  public static func sharedSeconds(ranks: Int, count: Int, model: NetworkModel) -> Double {
    precondition(model.fault == nil, "network model: \(model.fault ?? "")")
    guard ranks > 1, count > 0 else { return 0 }
    let bytes = 4 * Double(count)
    return model.secondsToMeet
      + model.seconds(moving: 2 * bytes, of: ranks * 4 * count, workers: ranks, ranks: ranks)
      + model.secondsToMeet
  }

  /// The seconds that are to be expected of ``TwoLevelAllreduce`` with `algorithm` between nodes: the sum in shared memory, the
  /// algorithm among the carriers, each with its chunk and all of a node on one link, and the way of the chunks to the other ranks
  /// of a node.
  ///
  /// - Parameters:
  ///   - size: ranks on all nodes; the model says how many are on one.
  ///   - starts: as of `seconds`.
  public static func twoLevelSeconds(
    _ algorithm: some ScheduledAllreduce, size: Int, count: Int, wireBytesPerElement: Int = 4,
    model: NetworkModel, starts: Int = 9
  ) -> Double {
    precondition(model.fault == nil, "network model: \(model.fault ?? "")")
    let perNode = min(model.ranksPerNode, size)
    let nodes = (size + perNode - 1) / perNode
    guard nodes > 1 else { return sharedSeconds(ranks: size, count: count, model: model) }
    let carriers = min(perNode, size - (nodes - 1) * perNode)
    var network = model
    network.ranksPerNode = carriers
    let chunks = Partition(0..<count, into: carriers)
    let between = seconds(
      CarrierSchedules.store(algorithm, nodes: nodes, chunks: chunks), elementBytes: 4,
      wireBytesPerElement: wireBytesPerElement, model: network, starts: starts)
    guard perNode > 1 else { return between }
    let chunk = 4 * Double(chunks.longest)
    func moving(_ buffers: Int) -> Double {
      model.seconds(
        moving: Double(buffers) * chunk, of: perNode * 4 * count, workers: carriers,
        ranks: carriers * nodes)
    }
    // Sums read the buffers of all and write one; afterwards that one is read and written to all others.
    return model.secondsToMeet + moving(perNode + 1) + between + moving(perNode) + model.secondsToMeet
  }
}

/// The schedules of all carriers: those of carrier c are the algorithm's over the nodes, with chunk c.
enum CarrierSchedules {
  static func store(_ algorithm: some ScheduledAllreduce, nodes: Int, chunks: Partition) -> ScheduleStore {
    let carriers = chunks.parts
    let symmetry = algorithm.symmetry(size: nodes, count: chunks.longest)
    let isSymmetric =
      chunks.isEven && (symmetry == .rotation || symmetry == .exclusiveOr && carriers & (carriers - 1) == 0)
    return ScheduleStore(size: nodes * carriers, symmetry: isSymmetric ? symmetry : nil) { rank in
      let (node, carrier) = rank.quotientAndRemainder(dividingBy: carriers)
      return algorithm.schedule(size: nodes, rank: node, count: chunks[carrier].count)
        .renamed(size: nodes * carriers, rank: rank) { $0 * carriers + carrier }
    }
  }
}

extension Schedule {
  /// The same part under other names.
  func renamed(size: Int, rank: Int, peer: (Int) -> Int) -> Schedule {
    let actions = actions.map { action in
      switch action {
      case .send(let block, let to): Action.send(block, to: Int32(peer(Int(to))))
      case .receive(let block, let from): Action.receive(block, from: Int32(peer(Int(from))))
      case .combine: action
      }
    }
    return Schedule(
      size: size, rank: rank, count: count, partials: partials, workspaceCount: workspaceCount,
      window: window, actions: actions, dependencyList: dependencyList, dependencyEnds: dependencyEnds)
  }
}

extension NetworkModel {
  /// Seconds until all ranks of a node know that all are there.
  fileprivate var secondsToMeet: Double { localLatencySeconds }

  /// Seconds in which a rank reads and writes so many bytes, when `workers` ranks of its node do.
  ///
  /// - Parameters:
  ///   - buffers: bytes of all buffers of the node.
  ///   - ranks: on all nodes, that do the same.
  fileprivate func seconds(moving bytes: Double, of buffers: Int, workers: Int, ranks: Int) -> Double {
    let speed = buffers <= cacheBytes ? cachedBytesPerSecond : sharedBytesPerSecond
    let working = min(ranks, workers.multipliedOrMaximum(nodesPerMachine))
    return bytes / speed * max(1, Double(working) / Double(coresPerMachine))
  }
}
