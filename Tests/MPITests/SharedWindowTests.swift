import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct SharedWindowTests {
    @Test func afterAFenceEveryRankReadsWhatTheOthersWrote() throws {
      try withWorld { world in
        let host = try world.splitByHost()
        // Parts of different lengths, one of them empty.
        let window = try SharedWindow<Int32>(count: 3 * host.rank, on: host)
        #expect(window.mine.allSatisfy { $0 == 0 })
        for round in 1...3 {
          for i in window.mine.indices { window.mine[i] = Int32(round) * element(host.rank, i) }
          try window.fence()
          for peer in 0..<host.size {
            let part = try window.part(of: peer)
            #expect(Array(part) == elements(of: peer, count: 3 * peer).map { Int32(round) * $0 })
          }
          try window.fence()
        }
        let error = mpiError { _ = try window.part(of: host.size) }
        #expect(error?.isUsage == true)
      }
    }

    @Test(arguments: [-1, Int.max / 2, .max]) func aCountThatHasNoBytesIsRefused(count: Int) throws {
      try withWorld { world in
        let host = try world.splitByHost()
        let error = mpiError { _ = try SharedWindow<Float>(count: count, on: host) }
        #expect(error?.isUsage == true && error?.class == .count, "\(String(describing: error))")
      }
    }

    @Test func insideALockAllEpochSyncAndAMessageOrderTwoRanks() throws {
      try withWorld { world in
        let host = try world.splitByHost()
        try host.withSharedWindow(of: Int64.self, count: 1) { window in
          try window.lockAll()
          // A token goes round; each rank adds one to the cell of the next.
          let next = (host.rank + 1) % host.size
          if host.rank > 0 {
            var token = [Int64(0)]
            token = try inPlaceReceive(token, from: host.rank - 1, on: host)
            try window.sync()
          }
          let sum = window.mine[0] + 1
          if next != 0 {
            try window.part(of: next)[0] = sum
            try window.sync()
            try host.send([sum].span, to: next)
          }
          try host.barrier()
          #expect(sum == Int64(host.rank) + 1)
          try window.unlockAll()
        }
      }
    }

    @Test func anEpochThatIsLeftOpenIsClosedAtTheEnd() throws {
      try withWorld { world in
        let host = try world.splitByHost()
        var window = try SharedWindow<UInt8>(count: 64, on: host)
        try window.lockAll()
      }
    }

    @Test func anErrorLeavesTheWindowAtOnce() throws {
      struct Stopped: Error {}
      try withWorld { world in
        let host = try world.splitByHost()
        #expect(throws: Stopped.self) {
          try host.withSharedWindow(of: Float.self, count: 8) { _ in throw Stopped() }
        }
      }
    }
  }
}

private func inPlaceReceive(
  _ values: [Int64], from source: Int, on world: borrowing Communicator
) throws -> [Int64] {
  try inPlace(values) { try world.receive(into: &$0, from: source) }
}
