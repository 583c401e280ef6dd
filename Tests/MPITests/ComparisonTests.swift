import MPI
import MPITestSupport
import Testing

extension RankTests {
  /// Collectives that differ between ranks, which MPI itself hangs in, or writes beyond a buffer.
  @Suite struct ComparisonTests {
    /// The error of `body` on a communicator that compares. All ranks throw it or none, and the communicator can be used on.
    private func difference(
      on world: borrowing Communicator, _ body: (borrowing Communicator) throws -> Void
    ) throws -> MPIError? {
      var comparing = try world.duplicate()
      comparing.comparesCollectives = true
      var found: MPIError?
      do { try body(comparing) } catch let error as MPIError { found = error }
      let sum = try comparing.allreduce(1, .sum)
      #expect(sum == world.size)
      let failures = try world.allreduce(found == nil ? 0 : 1, .sum)
      #expect(failures == 0 || failures == world.size)
      #expect(found?.isUsage != false)
      return found
    }

    @Test func differentCountsAreNamedBeforeAnythingIsSent() throws {
      try withWorld { world in
        let last = world.size - 1
        let error = try difference(on: world) { world in
          var values = [Float](repeating: 1, count: world.rank == last ? 50_000 : 100_000)
          var span = values.mutableSpan
          try world.allreduce(&span, .sum)
        }
        let text =
          "rank \(world.rank): allreduce: ranks differ: rank 0 of \(world.size) calls allreduce of 100000 elements of 4 bytes, "
          + "rank \(last) calls allreduce of 50000 elements of 4 bytes"
        #expect(error?.description == (world.size == 1 ? nil : text))
      }
    }

    @Test func anotherRootAnotherTypeAndAnotherCallAreNamed() throws {
      try withWorld { world in
        let (rank, last) = (world.rank, world.size - 1)
        let root = try difference(on: world) { world in
          _ = try world.broadcast(3, root: rank == last ? last : 0)
        }
        let type = try difference(on: world) { world in
          if rank == last {
            _ = try world.gather(Int16(1), root: 0)
          } else {
            _ = try world.gather(1, root: 0)
          }
        }
        let call = try difference(on: world) { world in
          if rank == last { try world.barrier() } else { _ = try world.allgather(1) }
        }
        guard world.size > 1 else {
          #expect(root == nil && type == nil && call == nil)
          return
        }
        let broadcast = "rank \(last) calls broadcast of 1 elements of 8 bytes with root \(last)"
        let gather = "rank \(last) calls gather of 1 elements of 2 bytes with root 0"
        #expect(root?.text.hasSuffix(broadcast) == true && type?.text.hasSuffix(gather) == true)
        #expect(call?.text.hasSuffix("rank \(last) calls barrier") == true)
        #expect(call?.call == (rank == last ? "barrier" : "allgather"))
      }
    }

    @Test func whatRanksMayDifferInIsLeftToThem() throws {
      try withWorld { world in
        let error = try difference(on: world) { world in
          let (rank, size) = (world.rank, world.size)
          // Texts of different lengths, the root's longer buffers, and a rank that is in no part.
          let texts = try world.gather(String(repeating: "x", count: rank), root: size - 1)
          #expect(texts?.count == (rank == size - 1 ? size : nil))
          let ranks = try world.gather(rank, root: 0)
          #expect(ranks == (rank == 0 ? Array(0..<size) : nil))
          let part = try world.split(color: rank == 0 ? nil : 5, key: 0)
          switch consume part {
          case .none: #expect(rank == 0)
          case .some(let part):
            let isComparing = part.comparesCollectives
            let sum = try part.allreduce(1, .sum)
            #expect(isComparing && sum == size - 1)
          }
          var mine = [-1]
          var span = mine.mutableSpan
          let all = rank == 0 ? Array(0..<size) : []
          try world.scatter(all.span, into: &span, root: 0)
          #expect(mine == [rank])
          // Started calls are not compared.
          let request = try world.startAllreduce(OwnedBuffer<Int>(repeating: 1, count: 3), .sum)
          let sums = try request.wait()
          #expect(sums.array == [size, size, size])
        }
        #expect(error == nil, "\(String(describing: error))")
      }
    }
  }
}
