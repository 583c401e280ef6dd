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

        // Rank 0 comes when rank 1, behind it in the ring, has been seen to wait by its watch, or has not within a minute.
        let path = try world.broadcast(
          FileManager.default.temporaryDirectory.path + "/rondo-test-\(UUID().uuidString)", root: 0)
        // Which of the two is the oldest depends on whether the message was buffered.
        @Sendable func waitsForRank0(_ snapshot: AllreduceProgress.Snapshot) -> Bool {
          [.receiving(from: 0), .sending(to: 0)].contains(snapshot.activity)
        }
        let limit = Date().addingTimeInterval(60)
        let seen = Mutex(progress.snapshot)
        if world.rank == 1 {
          Thread {
            while !waitsForRank0(seen.withLock { $0 }), Date() < limit {
              usleep(1_000)
              seen.withLock { $0 = progress.snapshot }
            }
            _ = FileManager.default.createFile(atPath: path, contents: nil)
          }.start()
        }
        if world.rank == 0 {
          while !FileManager.default.fileExists(atPath: path), Date() < limit { usleep(1_000) }
          try? FileManager.default.removeItem(atPath: path)
        }
        try executor.allreduce(&span)
        if world.rank == 1 {
          let snapshot = seen.withLock { $0 }
          #expect(snapshot.calls == 2)
          #expect(waitsForRank0(snapshot), "\(snapshot)")
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
