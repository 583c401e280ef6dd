import Collectives
import Foundation
import MPI
import MPITestSupport
import Synchronization
import Testing

extension RankTests {
  @Suite struct AllreduceProgressTests {
    @Test func anotherThreadSeesForWhomARankWaits() throws {
      try withWorld { world in
        guard world.size > 1 else { return }
        let progress = AllreduceProgress()
        var executor = try AllreduceExecutor(.ring, on: world, progress: progress)
        var sums = [Float](repeating: 1, count: 100_000)
        var span = sums.mutableSpan
        try executor.allreduce(&span)
        let before = progress.snapshot
        #expect(before.activity == .idle && before.calls == 1)

        // Rank 0 comes late; rank 1, behind it in the ring, says so to its watch.
        let seen = Mutex<AllreduceProgress.Snapshot?>(nil)
        let watch = Thread {
          Thread.sleep(forTimeInterval: 0.2)
          seen.withLock { $0 = progress.snapshot }
        }
        try world.barrier()
        if world.rank == 0 { Thread.sleep(forTimeInterval: 0.6) } else { watch.start() }
        try executor.allreduce(&span)
        if world.rank == 1 {
          let snapshot = try #require(seen.withLock { $0 })
          #expect(snapshot.calls == 2)
          // Which of the two is the oldest depends on whether the message was buffered.
          #expect(
            snapshot.activity == .receiving(from: 0) || snapshot.activity == .sending(to: 0),
            "\(snapshot)")
        }
        #expect(progress.snapshot.actions > before.actions)
        #expect(sums[0] == Float(world.size * world.size))
      }
    }

    @Test func aSnapshotReadsAsASentence() {
      let snapshot = AllreduceProgress().snapshot
      #expect("\(snapshot)" == "idle after 0 calls")
    }
  }
}
