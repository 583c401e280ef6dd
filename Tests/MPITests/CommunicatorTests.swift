import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct CommunicatorTests {
    @Test func ranksAreNumberedFromZero() throws {
      try withWorld { world in
        let ranks = try world.allgather(world.rank)
        #expect(ranks == Array(0..<world.size))
      }
    }

    @Test func aDuplicateHasTheSameRanksAndItsOwnMessages() throws {
      try withWorld { world in
        let other = try world.duplicate()
        #expect(other.rank == world.rank && other.size == world.size)
        try world.send([Int32(1)].span, to: world.rank)
        let seen = try other.probeNow(from: MPI.anySource, tag: MPI.anyTag)
        #expect(seen == nil)
        let found = try inPlace([untouched]) { try world.receive(into: &$0, from: world.rank) }
        #expect(found == [1])
      }
    }

    @Test func aSplitGroupsByColorAndOrdersByKey() throws {
      try withWorld { world in
        let color = world.rank % 2
        let half = try world.split(color: color, key: -world.rank)
        let members = (0..<world.size).filter { $0 % 2 == color }
        #expect(half.size == members.count)
        let found = try half.allgather(world.rank)
        #expect(found == members.reversed())
      }
    }

    @Test func aRankWithoutColorIsInNoPart() throws {
      try withWorld { world in
        let part = try world.split(color: world.rank == 0 ? nil : 5, key: world.rank)
        switch consume part {
        case .some(let part): #expect(part.size == world.size - 1 && part.rank == world.rank - 1)
        case .none: #expect(world.rank == 0)
        }
      }
    }

    @Test func aNegativeColorIsRefused() throws {
      try withWorld { world in
        let error = mpiError { _ = try world.split(color: -1, key: 0) as Communicator }
        #expect(error?.text == "color -1 is outside 0...2147483647")
      }
    }

    @Test func ranksOnOneHostShareIt() throws {
      try withWorld { world in
        let host = try world.splitByHost()
        let names = try host.allgather(MPI.processorName)
        #expect(names.allSatisfy { $0 == MPI.processorName })
        #expect(host.size <= world.size)
      }
    }

    @Test func everyRankKnowsTheRanksOfEachHost() throws {
      try withWorld { world in
        let hosts = try world.ranksByHost()
        let mine = try world.splitByHost().allgather(world.rank)
        #expect(hosts.joined().sorted() == Array(0..<world.size))
        #expect(hosts.contains(mine) && hosts.map { $0[0] } == hosts.map { $0[0] }.sorted())
      }
    }

    @Test func communicatorsComeAndGoByTheThousand() throws {
      try withWorld { world in
        // A leak runs into Open MPI's limit or its memory.
        for _ in 0..<2_000 { _ = try world.duplicate() }
        let sum = try world.allreduce(1, .sum)
        #expect(sum == world.size)
      }
    }

    @Test(arguments: [[], [0], [1], [0, 1], [2, 1], [0, 1, 2, 3, 4]])
    func allAgreeOnTheLowestFailure(failing: [Int]) throws {
      try withWorld { world in
        let mine = failing.contains(world.rank) ? "cannot open file \(world.rank)" : nil
        let failure = try world.agree(mine)
        let lowest = failing.filter { $0 < world.size }.min()
        #expect(failure?.rank == lowest)
        #expect(failure?.text == lowest.map { "cannot open file \($0)" })
        #expect(failure.map { "\($0)" } == lowest.map { "rank \($0): cannot open file \($0)" })
      }
    }
  }

  @Suite struct EnvironmentTests {
    @Test func theLibrarySaysWhatItIs() throws {
      try withWorld { world in
        let (level, version) = (try MPI.threadLevel, try MPI.standardVersion)
        #expect(level == .multiple)
        #expect(version.major >= 3)
        #expect(MPI.libraryVersion.contains("MPI"))
        #expect(!MPI.processorName.isEmpty)
        #expect(MPI.isRunning)
      }
    }

    @Test func wallTimeGoesOn() throws {
      try withWorld { world in
        let start = MPI.wallTime()
        #expect(MPI.wallTimeResolution > 0)
        while MPI.wallTime() <= start {}
        #expect(MPI.wallTime() - start < 1)
      }
    }

    @Test func startingTwiceIsRefused() throws {
      try withWorld { world in
        let error = mpiError { try MPI.run { _ in } }
        #expect(error?.isUsage == true)
        #expect(error?.text.hasPrefix("MPI is already running in this process") == true)
      }
    }
  }
}

@Suite struct ThreadLevelTests {
  @Test func levelsAreOrderedByWhatTheyAllow() {
    #expect(ThreadLevel.allCases.sorted() == [.single, .funneled, .serialized, .multiple])
    #expect(ThreadLevel.serialized < .multiple)
  }
}
