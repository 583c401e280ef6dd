import MPI
import MPITestSupport
import Testing

@testable import Collectives

extension RankTests {
  @Suite struct AllreduceBenchmarkTests {
    @Test(arguments: [1, 7, 1_024, 20_001], [0, 1, 3])
    func everyWaySumsRight(count: Int, moreLeaves: Int) throws {
      try withWorld { world in
        let memory = try ArenaMemory(count: 20_001, leaves: world.size + moreLeaves, on: world)
        var allreduces: [ArenaAllreduce] = []
        for way in AllreduceWay.all where memory.refusal(of: way) == nil {
          allreduces.append(
            try ArenaAllreduce(way, in: memory, between: AllreduceSelection(.direct), on: world))
        }
        let rows = try AllreduceBenchmark(allreduces)
          .measure(count: count, warmup: 1, repetitions: 3, on: world)
        #expect(rows.map(\.way) == AllreduceWay.all)
        for row in rows {
          #expect(row.wrong == 0, "\(row.way), count \(count)")
          #expect(row.seconds.count == 3 && row.seconds == row.seconds.sorted())
        }
        memory.free()
      }
    }

    @Test func bfloat16SumsAreCheckedWithinItsRounding() throws {
      try withWorld { world in
        let memory = try ArenaMemory(count: 5_000, leaves: world.size, on: world)
        let ring = try ArenaAllreduce(
          .messages(.ring), in: memory, between: AllreduceSelection(.ring), wire: .bfloat16, on: world)
        let tolerant = try AllreduceBenchmark([ring], wire: .bfloat16).measure(
          count: 5_000, warmup: 0, repetitions: 2, on: world)
        #expect(tolerant[0].wrong == 0)
        // The check of float32 sums finds the rounding.
        let exact = try AllreduceBenchmark([ring]).measure(
          count: 5_000, warmup: 0, repetitions: 2, on: world)
        #expect((exact[0].wrong == 0) == (world.size == 1))
      }
    }
  }

  @Suite struct ArenaMemoryTests {
    @Test func theLimitOfAControlGroupHoldsForPlainAndForSharedMemory() throws {
      try withWorld { world in
        // As many leaves as ranks: one buffer of each rank.
        let host = try world.splitByHost()
        let bytes = 4 * 100_000 * host.size
        let (tight, enough) = (
          try ArenaMemory(
            count: 100_000, leaves: world.size, limit: MemoryLimit(bytes: bytes, file: "/sys/job/memory.max"),
            on: world),
          try ArenaMemory(
            count: 100_000, leaves: world.size, limit: MemoryLimit(bytes: bytes * 10 / 9 + 10), on: world)
        )
        for way in AllreduceWay.all {
          let shortage = #expect(throws: MemoryShortage.self) { try tight.check(way) }
          #expect(
            shortage?.description.contains("the control group (/sys/job/memory.max) of \(MPI.processorName)")
              == true, "\(way)")
          try enough.check(way)
        }
      }
    }

    @Test func aWayThatSendsFloat32IsRefusedForBfloat16() throws {
      try withWorld { world in
        let memory = try ArenaMemory(count: 10, leaves: world.size, on: world)
        try #require(memory.isOneHost)
        for way in AllreduceWay.all {
          let sendsBfloat16 =
            if case .messages(let algorithm) = way { algorithm != .mpi } else { false }
          #expect((memory.refusal(of: way, wire: .bfloat16) == nil) == sendsBfloat16, "\(way)")
          #expect(memory.refusal(of: way) == nil)
        }
      }
    }

    @Test(arguments: [1 << 44, Int.max / 8, Int.max])
    func buffersThatNoHostHasRoomForAreRefusedOnAllRanks(count: Int) throws {
      try withWorld { world in
        let memory = try ArenaMemory(count: count, leaves: world.size, on: world)
        for way in AllreduceWay.all {
          let shortage = #expect(throws: MemoryShortage.self) { try memory.check(way) }
          #expect(shortage?.description.contains(" of \(MPI.processorName) has room for ") == true)
        }
        let small = try ArenaMemory(count: 1_000, leaves: world.size, on: world)
        for way in AllreduceWay.all { try small.check(way) }
      }
    }
  }

  @Suite struct TuningTests {
    @Test func aTuningEndsInItsBudgetWithTheSameChoiceOnAllRanks() throws {
      try withWorld { world in
        var tuning = AllreduceTuning()
        tuning.largestBytes = 64 << 10
        // Ranks come here with what each has left.
        tuning.seconds = 3 - 0.5 * Double(world.rank)
        let layout = try HostLayout(of: world)
        var sizes: [Int] = []
        let measurements = try tuning.measure(layout, on: world) { sizes.append($0.bytes) }
        #expect(sizes.first == 4 << 10 && sizes == sizes.sorted())
        let profile = AllreduceProfile(
          layout: layout, library: "", measured: "", model: nil, measurements: measurements)
        let choice = "\(profile.selection()) \(profile.selection(wire: .bfloat16))"
        let choices = try world.allgather(choice)
        #expect(Set(choices).count == 1)
      }
    }

    @Test func aProbeChoosesTheSameOnAllRanksForEverySize() throws {
      try withWorld { world in
        var probe = AllreduceProbe()
        probe.seconds = 0.3
        let selection = try probe.select([1 << 20, 4_096, 4_096], on: world)
        let choices = try world.allgather("\(selection)")
        #expect(Set(choices).count == 1)
        #expect(world.size == 1 || selection.entries.map(\.bytes) == [4_096, 1 << 20])
      }
    }

    @Test func theLayoutCountsTheRanksOfEachHost() throws {
      try withWorld { world in
        let layout = try HostLayout(of: world)
        #expect(layout.hosts == [MPI.processorName])
        #expect(layout.ranksPerHost == [world.size])
        #expect(layout.isOneHost)
      }
    }
  }
}
