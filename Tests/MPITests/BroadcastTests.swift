import Foundation
import MPI
import MPITestSupport
import Testing

extension RankTests {
  @Suite struct BroadcastTests {
    @Test(arguments: [Form.blockingInPlace, .startedInPlace, .owned], pieceLimits)
    func everyRankGetsWhatEachRootHolds(form: Form, limit: Int) throws {
      try withWorld(pieceLimit: limit) { world in
        for root in 0..<world.size {
          for count in lengths(world.size) {
            let mine = elements(of: world.rank, count: count)
            let found =
              switch form {
              case .startedInPlace: try inPlace(mine) { try world.startBroadcast(&$0, root: root).wait() }
              case .owned: try world.startBroadcast(OwnedBuffer(mine), root: root).wait().array
              default: try inPlace(mine) { try world.broadcast(&$0, root: root) }
              }
            #expect(found == elements(of: root, count: count), "\(count) elements, root \(root)")
          }
        }
      }
    }

    @Test func arraysAndTextsBringTheirLength() throws {
      try withWorld { world in
        let root = world.size - 1
        let isRoot = world.rank == root
        let array = try world.broadcast(isRoot ? [true, false, true] : [], root: root)
        let empty = try world.broadcast(isRoot ? [] : [1.5], root: root)
        let text = try world.broadcast(isRoot ? "naïve 🙂" : "no", root: root)
        let value = try world.broadcast(Double(world.rank), root: root)
        #expect(array == [true, false, true])
        #expect(empty == [])
        #expect(text == "naïve 🙂")
        #expect(value == Double(root))
      }
    }
  }

  @Suite struct BarrierTests {
    @Test func nobodyLeavesBeforeTheLastHasCome() throws {
      try withWorld { world in
        var times = try Self.timesAroundBarrier(on: world) { try $0.barrier() }
        #expect(times.lastArrival <= times.firstDeparture)
        times = try Self.timesAroundBarrier(on: world) { _ = try $0.startBarrier().wait() }
        #expect(times.lastArrival <= times.firstDeparture)
      }
    }

    /// On one machine the ranks' clocks are the same one.
    private static func timesAroundBarrier(
      on world: borrowing Communicator, _ barrier: (borrowing Communicator) throws -> Void
    ) throws -> (lastArrival: UInt64, firstDeparture: UInt64) {
      if world.rank == world.size - 1 { Thread.sleep(forTimeInterval: 0.05) }
      let arrival = DispatchTime.now().uptimeNanoseconds
      try barrier(world)
      let departure = DispatchTime.now().uptimeNanoseconds
      return (try world.allreduce(arrival, .maximum), try world.allreduce(departure, .minimum))
    }
  }
}
