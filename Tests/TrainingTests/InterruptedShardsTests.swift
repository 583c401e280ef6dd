import BLAS
import Checkpoints
import Foundation
import Graph
import MPITestSupport
import Optimizers
import Testing

@testable import Training

/// Updates of shards that are cut off, in the memory that each rank leaves: whoever has come how far, and whoever's memory is lost.
@Suite struct InterruptedShardsTests {
  /// Ranks with a share each, and a copy of the share of the rank before.
  private struct Scene {
    static let ranks = 3
    let graph: Graph
    let pieces: UpdatePieces
    let groups: ParameterGroups
    let optimizer: any Optimizer
    let step: UpdateStep
    let layouts: [StateLayout]
    /// The first piece of which early updates can be taken back; nil where there are none.
    var firstEarly: Int?
    private let clipping: GradientClipping

    init(step: Int, optimizer: any Optimizer, isEarly: Bool = false) throws {
      let configuration = Configuration(
        model: .init(kind: .mlp, hidden: isEarly ? [300, 300] : [300, 90]), data: .init(source: .digits))
      graph = try Trainer.network(configuration, data: try configuration.loadData()).graph
      pieces = UpdatePieces(graph)
      groups = try ParameterGroups(graph)
      self.optimizer = optimizer
      self.step = UpdateStep(step: step, learningRate: 0.01)
      let buckets = Bucket.ranges(count: graph.arenaCount, bytes: 1, sharedBy: Self.ranks)
      let (graph, pieces) = (graph, pieces)
      clipping = isEarly ? .value(0.5) : .norm(0.5)
      var firstEarly: Int?
      layouts = (0..<Self.ranks).map { rank in
        var core = StateLayout.Core(
          arenaCount: graph.arenaCount, stateCount: optimizer.stateCount, pieceCount: pieces.pieces.count)
        core.share = StateShare(
          buckets.map { Bucket.share(of: $0, rank: rank, size: Self.ranks) },
          copies: buckets.map { Bucket.share(of: $0, rank: (rank + 2) % Self.ranks, size: Self.ranks) })
        let early =
          isEarly
          ? EarlyUpdates(
            pieces, buckets: buckets, needsNorms: false, core: core, buffers: 1, keepsCopies: true,
            communication: .init(earlyUpdateBytes: 64 << 20)) : nil
        firstEarly = early?.first
        return StateLayout(
          core: core,
          tail: .init(
            members: 1, threads: 1, buffers: 1, leaves: 0, isJournaled: true, early: early?.count ?? 0))
      }
      self.firstEarly = firstEarly
    }

    func update(_ state: TrainingState, _ optimizer: (any Optimizer)? = nil) -> ParameterUpdate {
      let rules = UpdateRules(
        graph, optimizer: optimizer ?? self.optimizer, clipping: clipping, groups: groups,
        average: nil)
      return ParameterUpdate(state, pieces: pieces, rules: rules, pool: ThreadPool(threads: 1))
    }

    /// The memory of all ranks at the moment when all gradients are complete: what is not in a share is nothing.
    func memories(_ random: inout SeededGenerator) -> [SharedFile] {
      let count = graph.arenaCount
      var values = (0..<2 + optimizer.stateCount).map { _ in [Float](repeating: 0, count: count) }
      for tensor in graph.parameters {
        for index in tensor.range {
          for row in values.indices {
            values[row][index] = .random(in: row < 2 ? -1...1 : 0...0.1, using: &random)
          }
        }
      }
      let norms = pieces.pieces.indices.flatMap { _ in
        (0..<StateLayout.normCount).map { _ in Double.random(in: 0.1...1, using: &random) }
      }
      return layouts.map { layout in
        let memory = SharedFile(privateBytes: layout.byteCount)
        let state = TrainingState(memory, layout, member: 0)
        state.header.write(layout.core, model: 1)
        state.header.tail = layout.tail
        state.header.set = 5
        state.setStep(step.step)
        for range in layout.core.share?.ranges ?? [] {
          for index in range {
            state.parameters.base[index] = values[0][index]
            state.ownGradients[0].base[index] = values[1][index]
            for number in 0..<optimizer.stateCount {
              (state.firstState(of: index) + number * state.stateStride).pointee = values[2 + number][index]
            }
          }
        }
        _ = state.allNorms.update(fromContentsOf: norms)
        state.slot(0).updating.pointee.store(step.step, ordering: .relaxed)
        return memory
      }
    }

    func state(_ memory: SharedFile, _ rank: Int) -> TrainingState {
      TrainingState(memory, layouts[rank], member: 0)
    }

    func indices(_ rank: Int) -> [Range<Int>] {
      (layouts[rank].core.share?.ranges ?? []).map { pieces.indices(in: $0) }
    }

    func copy(_ memory: SharedFile, _ rank: Int) -> SharedFile {
      let copy = SharedFile(privateBytes: layouts[rank].byteCount)
      copy.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: memory.bytes[0..<copy.bytes.count]))
      return copy
    }

    /// The bits of what is in a rank's share.
    func contents(_ memory: SharedFile, _ rank: Int) -> Data {
      let state = state(memory, rank)
      return (layouts[rank].core.share?.ranges ?? []).reduce(into: Data()) { data, range in
        data += Data(bytes: state.parameters.base + range.lowerBound, count: 4 * range.count)
        for number in 0..<optimizer.stateCount {
          data += Data(
            bytes: state.firstState(of: range.lowerBound) + number * state.stateStride,
            count: 4 * range.count)
        }
      }
    }
  }

  /// `@unchecked Sendable` is safe because only the test's own thread touches the memory.
  private final class Copies: @unchecked Sendable {
    var copies: [SharedFile] = []
    var take: () -> Void = {}
  }

  @Test(arguments: [false, true]) func whateverIsLeftComesToTheSameBits(isSkipped: Bool) throws {
    let seed =
      ProcessInfo.processInfo.environment["RONDO_TEST_SEED"].flatMap(UInt64.init)
      ?? .random(in: 0...UInt64.max)
    print("seed: RONDO_TEST_SEED=\(seed)")
    var random = SeededGenerator(seed: seed)
    let lamb = LAMB(beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1)
    let scene = try Scene(step: 7, optimizer: lamb)
    let start = scene.memories(&random)
    let decision = UpdateDecision(isSkipped: isSkipped, scale: 0.7)
    let ranks = 0..<Scene.ranks

    // What each rank's memory goes through, from before it has begun.
    var (course, expected): ([[SharedFile]], [Data]) = ([], [])
    for rank in ranks {
      let memory = scene.copy(start[rank], rank)
      let copies = Copies()
      copies.copies.append(scene.copy(memory, rank))
      copies.take = { copies.copies.append(scene.copy(memory, rank)) }
      let update = scene.update(scene.state(memory, rank), HaltingOptimizer(whole: lamb) { copies.take() })
      for run in scene.indices(rank) where !run.isEmpty { update.run(run, at: scene.step, decision) }
      copies.take()
      copies.take = {}
      course.append(copies.copies)
      expected.append(scene.contents(memory, rank))
      #expect((expected[rank] == scene.contents(start[rank], rank)) == isSkipped)
    }

    for _ in 0..<60 {
      // Some moment of each, and one that is lost or none; a rank that has not begun may not know the norms of all yet.
      let lost = Int.random(in: 0...Scene.ranks, using: &random)
      let moments = ranks.map { Int.random(in: 0..<course[$0].count, using: &random) }
      let left = ranks.filter { $0 != lost }.map { rank in
        (rank: rank, memory: scene.copy(course[rank][moments[rank]], rank))
      }
      for (rank, memory) in left where moments[rank] == 0 {
        scene.state(memory, rank).allNorms.update(repeating: .nan)
      }
      let finisher = UpdateFinisher(update: { scene.update($0) }, learningRate: { _ in 0.01 })
      let remnants = try left.map { try #require(Remnant(scene.state($0.memory, $0.rank), finisher)) }
      let plan = try #require(RecoveryPlan(remnants.map { [$0.facts] }, count: scene.graph.arenaCount))
      let hasBegun = left.contains { moments[$0.rank] > 0 }
      #expect(plan.step == (hasBegun ? 8 : 7) && plan.places.count == left.count)
      if let begun = plan.begun {
        let source = remnants[begun.rank].state
        let bits = source.slot(0).decision.pointee.load(ordering: .relaxed)
        for remnant in remnants {
          if remnant.facts.least == 8 { continue }
          _ = remnant.state.allNorms.update(fromContentsOf: source.allNorms)
          let share = try #require(remnant.state.layout.core.share)
          scene.update(remnant.state).finish(share, at: scene.step, UpdateDecision(bits: bits))
        }
      }
      for (rank, memory) in left {
        let contents = scene.contents(memory, rank)
        #expect(contents == (hasBegun ? expected[rank] : scene.contents(start[rank], rank)), "\(moments)")
      }
    }
  }

  /// Buckets that were updated before others had arrived: nobody begins before all have all sums, so either all shards go back, or all come to
  /// the new step. The memory of one may be lost.
  @Test func earlyUpdatesAreTakenBackByAllOrByNone() throws {
    let seed =
      ProcessInfo.processInfo.environment["RONDO_TEST_SEED"].flatMap(UInt64.init)
      ?? .random(in: 0...UInt64.max)
    print("seed: RONDO_TEST_SEED=\(seed)")
    var random = SeededGenerator(seed: seed)
    let adamW = AdamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1)
    let scene = try Scene(step: 7, optimizer: adamW, isEarly: true)
    let first = try #require(scene.firstEarly)
    let start = scene.memories(&random)
    let ranks = 0..<Scene.ranks

    // What each rank's memory goes through before all have all sums, and after.
    var (before, after, expected): ([[SharedFile]], [[SharedFile]], [Data]) = ([], [], [])
    for rank in ranks {
      let memory = scene.copy(start[rank], rank)
      let copies = Copies()
      copies.take = { copies.copies.append(scene.copy(memory, rank)) }
      copies.take()
      let update = scene.update(scene.state(memory, rank), HaltingOptimizer(whole: adamW) { copies.take() })
      for run in scene.indices(rank) {
        let early = max(first, run.lowerBound)..<max(first, run.upperBound)
        if !early.isEmpty { update.begin(early, at: scene.step) }
      }
      before.append(copies.copies)
      copies.copies = []
      copies.take()
      for run in scene.indices(rank) where !run.isEmpty { update.run(run, at: scene.step, .init()) }
      copies.take()
      copies.take = {}
      after.append(copies.copies)
      expected.append(scene.contents(memory, rank))
      let plain = scene.copy(start[rank], rank)
      let late = scene.update(scene.state(plain, rank))
      for run in scene.indices(rank) where !run.isEmpty { late.run(run, at: scene.step, .init()) }
      #expect(scene.contents(plain, rank) == expected[rank])
      #expect(before[rank].count > 3)
    }

    for round in 0..<80 {
      let lost = Int.random(in: 0...Scene.ranks, using: &random)
      let course = round.isMultiple(of: 2) ? before : after
      let moments = ranks.map { Int.random(in: 0..<course[$0].count, using: &random) }
      let left = ranks.filter { $0 != lost }.map { rank in
        (rank: rank, memory: scene.copy(course[rank][moments[rank]], rank))
      }
      let finisher = UpdateFinisher(update: { scene.update($0) }, learningRate: { _ in 0.01 })
      let remnants = try left.map { try #require(Remnant(scene.state($0.memory, $0.rank), finisher)) }
      let plan = try #require(RecoveryPlan(remnants.map { [$0.facts] }, count: scene.graph.arenaCount))
      let hasBegun = !round.isMultiple(of: 2) && left.contains { moments[$0.rank] > 0 }
      #expect(plan.step == (hasBegun ? 8 : 7) && plan.places.count == left.count, "\(moments)")
      for remnant in remnants {
        if remnant.facts.least == plan.step { scene.update(remnant.state).takeBack(to: plan.step) }
        if remnant.facts.least == plan.step - 1 {
          let share = try #require(remnant.state.layout.core.share)
          scene.update(remnant.state).finish(share, at: scene.step, .init())
        }
      }
      for (rank, memory) in left {
        let contents = scene.contents(memory, rank)
        #expect(contents == (hasBegun ? expected[rank] : scene.contents(start[rank], rank)), "\(moments)")
      }
    }
  }

  /// Of another model, or of a step that no update leaves.
  @Test func memoryThatIsNoShardIsNotTaken() throws {
    var random = SeededGenerator(seed: 3)
    let scene = try Scene(step: 4, optimizer: AdamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0))
    let memory = scene.memories(&random)[0]
    let (header, core) = (scene.state(memory, 0).header, scene.layouts[0].core)
    #expect(header.isShard && !header.isReplica(of: core, model: 1))
    #expect(header.core(like: scene.layouts[1].core, model: 1, byteCount: memory.bytes.count) == core)
    #expect(header.core(like: core, model: 2, byteCount: memory.bytes.count) == nil)
    var other = core
    other.stateCount = 1
    #expect(header.core(like: other, model: 1, byteCount: memory.bytes.count) == nil)
    let share = try #require(core.share)
    let state = scene.state(memory, 0)
    let versions = try #require(scene.update(state).restore(share))
    #expect(versions == (4, 4))
    let piece = try #require(scene.indices(0).first { !$0.isEmpty }).lowerBound
    state.versions[piece].store(6, ordering: .relaxed)
    #expect(scene.update(state).restore(share) == nil)
  }
}
