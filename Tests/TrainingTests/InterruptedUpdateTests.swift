import BLAS
import Checkpoints
import Collectives
import Foundation
import Graph
import MPITestSupport
import Optimizers
import Testing

@testable import Training

/// Updates that are cut off, in the memory that they leave: a copy of all of it, taken in the middle of a piece, is what a killed process
/// leaves.
@Suite struct InterruptedUpdateTests {
  /// What is updated, how, and by whom; and its memory as an update leaves it.
  private struct Scene {
    let graph: Graph
    let pieces: UpdatePieces
    let layout: StateLayout
    var optimizer: any Optimizer
    let clipping: GradientClipping
    let groups: ParameterGroups
    let average: WeightAverage?
    let rate = 0.01

    /// - Parameter early: whether updates of all pieces but the first can be taken back; sums are complete where they are then.
    init(
      _ random: inout SeededGenerator, optimizer: any Optimizer, members: Int, early: Bool = false,
      clipping: GradientClipping? = nil
    ) throws {
      let configuration = Configuration(
        model: .init(kind: .mlp, hidden: early ? [260, 70] : [260]), data: .init(source: .digits),
        training: .init(batch: 240, microbatch: 20))
      graph = try Trainer.network(configuration, data: try configuration.loadData()).graph
      pieces = UpdatePieces(graph)
      self.optimizer = optimizer
      self.clipping = clipping ?? [.none, .norm(0.5), .value(0.3)].randomElement(using: &random) ?? .none
      groups = try ParameterGroups(
        graph, frozen: Bool.random(using: &random) ? [graph.parameters[0].name] : [])
      average = Bool.random(using: &random) ? WeightAverage(decay: 0.9) : nil
      let leaves = early ? 0 : [0, members, 12].randomElement(using: &random) ?? 0
      layout = StateLayout(
        core: .init(
          arenaCount: graph.arenaCount, stateCount: optimizer.stateCount + (average == nil ? 0 : 1),
          pieceCount: pieces.pieces.count),
        tail: .init(
          members: members, threads: 2,
          buffers: leaves == 0
            ? !early ? 1 : .random(in: 1...4, using: &random)
            : StepShare.buffers(ReductionTree(leaves: leaves), size: members),
          leaves: leaves, isJournaled: true,
          early: early ? graph.arenaCount - pieces.pieces[1].range.lowerBound : 0))
    }

    func rules(_ optimizer: any Optimizer) -> UpdateRules {
      UpdateRules(graph, optimizer: optimizer, clipping: clipping, groups: groups, average: average)
    }

    func update(_ state: TrainingState, _ optimizer: (any Optimizer)? = nil) -> ParameterUpdate {
      ParameterUpdate(
        state, pieces: pieces, rules: rules(optimizer ?? self.optimizer), pool: ThreadPool(threads: 1))
    }

    /// One member's look at some memory.
    func state(_ memory: SharedFile, member: Int = 0) -> TrainingState {
      TrainingState(memory, layout, member: member)
    }

    /// Memory after `step` steps, with the gradients of the next one.
    func memory(step: Int, _ random: inout SeededGenerator) -> SharedFile {
      let memory = SharedFile(privateBytes: layout.byteCount)
      let state = state(memory)
      state.setStep(step)
      func fill(_ values: UnsafeMutablePointer<Float>, _ range: ClosedRange<Float>) {
        for tensor in graph.parameters {
          for index in tensor.range { values[index] = .random(in: range, using: &random) }
        }
      }
      fill(state.parameters.base, -1...1)
      for index in 0..<layout.core.stateCount {
        fill(state.firstState + index * state.stateStride, 0...0.1)
      }
      for arena in state.gradients.joined() { fill(arena.base, -1...1) }
      for member in 0..<layout.tail.members {
        for index in share(member) { state.owners[index] = Int32(member) }
        // What members note of the step before.
        state.slot(member).updating.pointee.store(step, ordering: .relaxed)
      }
      return memory
    }

    func share(_ member: Int) -> Range<Int> {
      pieces.indices(in: pieces.share(member, of: layout.tail.members))
    }

    /// What members do until they begin to update, and with that which decision.
    func decide(_ memory: SharedFile, at step: UpdateStep, isSkipped: Bool) -> UpdateDecision {
      var decision = UpdateDecision(isSkipped: isSkipped)
      let update = update(state(memory))
      guard update.needsNorms, !isSkipped else { return decision }
      update.measure(pieces.pieces.indices, at: step)
      decision.scale = update.scale
      update.measureTensors(pieces.pieces.indices, at: step, decision)
      return decision
    }

    /// The bits of all that training comes to.
    func contents(_ memory: SharedFile) -> Data {
      let state = state(memory)
      let bytes = 4 * graph.arenaCount
      return (0..<layout.core.stateCount).reduce(into: Data(bytes: state.parameters.base, count: bytes)) {
        $0 += Data(bytes: state.firstState + $1 * state.stateStride, count: bytes)
      }
    }

    func copy(_ memory: SharedFile) -> SharedFile {
      let copy = SharedFile(privateBytes: layout.byteCount)
      copy.bytes.copyMemory(from: UnsafeRawBufferPointer(memory.bytes))
      return copy
    }
  }

  /// Memory that only the test's own thread touches.
  private final class Copies: @unchecked Sendable {
    var copies: [SharedFile] = []
    var take: () -> Void = {}
  }

  private static func seed() -> UInt64 {
    let seed =
      ProcessInfo.processInfo.environment["RONDO_TEST_SEED"].flatMap(UInt64.init)
      ?? .random(in: 0...UInt64.max)
    print("seed: RONDO_TEST_SEED=\(seed)")
    return seed
  }

  private static let optimizers: [any Optimizer] = [
    SGD(momentum: 0.9, nesterov: true, weightDecay: 0.01),
    AdamW(beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0.1),
    LAMB(beta1: 0.9, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1),
  ]

  @Test(arguments: [0, 1, 2], [1, 3]) func cutOffAnywhereItIsFinishedToTheSameBits(
    optimizer: Int, members: Int
  ) throws {
    var random = SeededGenerator(seed: Self.seed() &+ UInt64(optimizer * 10 + members))
    for round in 0..<3 {
      let copies = Copies()
      let whole = Self.optimizers[optimizer]
      let scene = try Scene(&random, optimizer: whole, members: members)
      let halting = HaltingOptimizer(whole: whole) { copies.take() }
      let step = UpdateStep(step: Int.random(in: 0...50, using: &random), learningRate: scene.rate)
      let start = scene.memory(step: step.step, &random)
      let decision = scene.decide(start, at: step, isSkipped: round == 2)
      let before = scene.contents(start)

      let memory = scene.copy(start)
      // Members come in any order, and some pieces may stay for later.
      copies.take = {
        if Int.random(in: 0..<2, using: &random) == 0 { copies.copies.append(scene.copy(memory)) }
      }
      for member in (0..<members).shuffled(using: &random) {
        scene.update(scene.state(memory, member: member), halting).run(
          scene.share(member), at: step, decision)
        copies.copies.append(scene.copy(memory))
      }
      copies.take = {}
      let expected = scene.contents(memory)
      #expect(decision.isSkipped ? expected == before : expected != before)

      // Nobody has begun: nothing is to be finished.
      let untouched = scene.copy(start)
      #expect(scene.update(scene.state(untouched)).finish { _ in scene.rate } == step.step)
      #expect(scene.contents(untouched) == before)

      for copy in copies.copies + [memory] {
        Self.noteUnfinishedCopies(scene, copy, at: step, &random)
        // The one who finishes may be cut off as well.
        let again = Copies()
        again.take = {
          if Int.random(in: 0..<12, using: &random) == 0 { again.copies.append(scene.copy(copy)) }
        }
        let finisher = scene.update(scene.state(copy), HaltingOptimizer(whole: whole) { again.take() })
        #expect(finisher.finish { _ in scene.rate } == step.step + 1)
        #expect(scene.contents(copy) == expected)
        #expect(scene.state(copy).step == step.step + 1)
        for second in again.copies {
          #expect(scene.update(scene.state(second)).finish { _ in scene.rate } == step.step + 1)
          #expect(scene.contents(second) == expected)
        }
      }
    }
  }

  /// Updates of buckets that were there before the others: killed before all sums are there, nobody can do the rest, and what was done is taken
  /// back; killed later, the rest is done.
  @Test(arguments: [0, 1], [1, 3]) func earlyUpdatesAreTakenBackOrFollowedByTheRest(
    optimizer: Int, members: Int
  ) throws {
    var random = SeededGenerator(seed: Self.seed() &+ UInt64(optimizer * 10 + members))
    let whole = Self.optimizers[optimizer]
    for clipping in [GradientClipping.none, .value(0.3)] {
      let scene = try Scene(&random, optimizer: whole, members: members, early: true, clipping: clipping)
      let first = 1
      let step = UpdateStep(step: .random(in: 0...50, using: &random), learningRate: scene.rate)
      let start = scene.memory(step: step.step, &random)
      let before = scene.contents(start)
      let expected = scene.copy(start)
      for member in 0..<members {
        scene.update(scene.state(expected, member: member)).run(scene.share(member), at: step, .init())
      }

      let memory = scene.copy(start)
      let copies = Copies()
      let halting = HaltingOptimizer(whole: whole) { copies.take() }
      copies.take = { copies.copies.append(scene.copy(memory)) }
      let updates = (0..<members).map { scene.update(scene.state(memory, member: $0), halting) }
      for member in (0..<members).shuffled(using: &random) {
        let early = max(first, scene.share(member).lowerBound)..<max(first, scene.share(member).upperBound)
        updates[member].begin(early, at: step)
      }
      copies.take()
      let unfinished = copies.copies
      copies.copies = []
      #expect(scene.contents(memory) != before && unfinished.count > 6)
      // Now all sums are there.
      for member in (0..<members).shuffled(using: &random) {
        updates[member].run(scene.share(member), at: step, .init())
      }
      copies.take()
      #expect(scene.contents(memory) == scene.contents(expected))

      for copy in unfinished {
        // Whoever takes back may be cut off as well: with some pieces back, and one half.
        let again = scene.copy(copy)
        let state = scene.state(again)
        // Not the first tensor's, which may be frozen.
        if let piece = (first..<scene.pieces.pieces.count).last(where: {
          state.earlyVersions[$0].load(ordering: .relaxed) == Int32(step.step + 1)
        }) {
          state.parameters.base[scene.pieces.pieces[piece].range.lowerBound] = .nan
        }
        for memory in [copy, again] {
          #expect(scene.update(scene.state(memory)).finish { _ in scene.rate } == step.step)
          #expect(scene.contents(memory) == before)
          // A second look finds nothing to do.
          #expect(scene.update(scene.state(memory)).finish { _ in scene.rate } == step.step)
          #expect(scene.contents(memory) == before)
        }
      }
      for copy in copies.copies {
        #expect(scene.update(scene.state(copy)).finish { _ in scene.rate } == step.step + 1)
        #expect(scene.contents(copy) == scene.contents(expected))
      }
    }
  }

  /// Leaves undo copies as a thread leaves them that ended while it made one, before it noted it; or when a piece is done, before it has
  /// cleared its note.
  private static func noteUnfinishedCopies(
    _ scene: Scene, _ memory: SharedFile, at step: UpdateStep, _ random: inout SeededGenerator
  ) {
    let state = scene.state(memory)
    for member in 0..<scene.layout.tail.members {
      for thread in 0..<scene.layout.tail.threads {
        let undo = state.undo(member, thread)
        guard undo.noted == nil else { continue }
        for index in 0..<Int.random(in: 1...1000, using: &random) { undo.values[index] = .nan }
        let done = scene.share(member).filter {
          state.versions[$0].load(ordering: .relaxed) > Int32(step.step)
        }
        if let piece = done.randomElement(using: &random) { undo.noted = (piece, step.step) }
      }
    }
  }

  /// A rank that is fast may begin to update before the first rank has noted what the step came to.
  @Test func aStepThatTheFirstRankHasNotRecordedIsNotLost() throws {
    var random = SeededGenerator(seed: 8)
    let scene = try Scene(&random, optimizer: Self.optimizers[0], members: 3)
    var survival = SurvivingState(run: String(UInt64.random(in: 0...UInt64.max), radix: 16), model: 1)
    survival.life = 1
    let name = try Self.interrupted(survival, scene, &random)
    defer { SharedFile.remove(name: name) }
    survival.life = 2
    let found = try survival.newest(of: [name], scene.layout.core) {
      scene.update($0).finish { _ in scene.rate }
    }
    #expect(found?.progress.step == 6)
  }

  /// The name of memory that nobody has mapped any more, in which member 1 has noted step 6 and updated its pieces.
  private static func interrupted(
    _ survival: SurvivingState, _ scene: Scene, _ random: inout SeededGenerator
  ) throws -> String {
    let memory = try survival.making(scene.layout).file
    let header = [UInt8](memory.bytes[0..<4096])
    let contents = scene.memory(step: 5, &random)
    memory.bytes.copyMemory(
      from: UnsafeRawBufferPointer(rebasing: contents.bytes[0..<scene.layout.byteCount]))
    memory.bytes.copyBytes(from: header)
    let state = scene.state(memory, member: 1)
    state.header.hasContents = true
    var progress = TrainingProgress()
    progress.step = 5
    state.recordForOthers(progress)
    progress.step = 6
    state.record(progress)
    let step = UpdateStep(step: 5, learningRate: scene.rate)
    scene.update(state).run(scene.share(1), at: step, scene.decide(memory, at: step, isSkipped: false))
    return try #require(memory.path.map { String($0.dropFirst(SharedFile.folder.count + 1)) })
  }

  /// What lies between tensors is summed like them: of other contents it would grow from step to step.
  @Test func gradientsBeginAsZerosForOtherRanksAndThreads() throws {
    var random = SeededGenerator(seed: 9)
    let scene = try Scene(&random, optimizer: Self.optimizers[1], members: 1)
    for (threads, buffers, early) in [(3, 1, 0), (2, 2, 0), (2, 1, 900), (1, 3, 40)] {
      var survival = SurvivingState(run: String(UInt64.random(in: 0...UInt64.max), radix: 16), model: 1)
      survival.life = 1
      let state = try survival.making(scene.layout)
      defer { state.file.unlinkName() }
      let start = scene.layout.gradientOffset(0, 0)
      for byte in start..<scene.layout.byteCount { state.file.bytes[byte] = 0x41 }
      for index in 0..<scene.graph.arenaCount { state.parameters.base[index] = Float(index) }
      var layout = scene.layout
      (layout.tail.threads, layout.tail.buffers, layout.tail.early) = (threads, buffers, early)
      let adopted = try survival.adopt(state, TrainingProgress(), for: layout)
      #expect(adopted.file.bytes[layout.gradientOffset(0, 0)...].allSatisfy { $0 == 0 })
      #expect((0..<scene.graph.arenaCount).allSatisfy { adopted.parameters.base[$0] == Float($0) })
    }
  }

  @Test func memoryThatIsAtNoStepIsNotTaken() throws {
    var random = SeededGenerator(seed: 7)
    let scene = try Scene(&random, optimizer: Self.optimizers[0], members: 3)
    // A piece is ahead though nobody has begun, or by two steps.
    for (ahead, begun) in [(1, false), (2, true)] {
      let memory = scene.memory(step: 5, &random)
      let state = scene.state(memory)
      state.versions[1].store(Int32(5 + ahead), ordering: .relaxed)
      if begun { state.slot(2).updating.pointee.store(6, ordering: .relaxed) }
      #expect(scene.update(state).finish { _ in scene.rate } == nil)
    }
  }
}
